from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from services.curator.film_file import read_film_file
from shared.errors import InvalidImageError

RAMP_8 = np.arange(256, dtype=np.uint8).reshape(16, 16)
RAMP_16 = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)


@pytest.mark.parametrize("name", ["film.png", "film.tif"])
def test_8_bit_files_are_read_exactly(tmp_path: Path, name: str) -> None:
    Image.fromarray(RAMP_8).save(tmp_path / name)
    file = read_film_file(tmp_path / name)
    assert file.film.dtype == np.float32
    np.testing.assert_array_equal(file.film, RAMP_8.astype(np.float32) / np.float32(255))
    assert file.grey_levels == "8 bit"


@pytest.mark.parametrize("name", ["film.png", "film.tif"])
def test_16_bit_files_are_read_exactly(tmp_path: Path, name: str) -> None:
    Image.fromarray(RAMP_16).save(tmp_path / name)
    file = read_film_file(tmp_path / name)
    np.testing.assert_array_equal(np.rint(file.film * 65535), RAMP_16)
    assert file.grey_levels == "16 bit"


def test_a_jpeg_is_read_as_8_bit(tmp_path: Path) -> None:
    Image.fromarray(RAMP_8).save(tmp_path / "film.jpg", quality=100)
    np.testing.assert_allclose(read_film_file(tmp_path / "film.jpg").film * 255, RAMP_8, atol=3)


def test_grey_saved_as_colour_is_read_as_grey(tmp_path: Path) -> None:
    Image.fromarray(RAMP_8).convert("RGB").save(tmp_path / "film.png")
    np.testing.assert_array_equal(np.rint(read_film_file(tmp_path / "film.png").film * 255), RAMP_8)


def test_a_16_bit_tiff_whose_zero_is_white_is_inverted(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    Image.fromarray(RAMP_16).save(tmp_path / "film.tif", tiffinfo=tags)
    with Image.open(tmp_path / "film.tif") as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert image.tag_v2[262] == 0
    np.testing.assert_array_equal(np.rint(read_film_file(tmp_path / "film.tif").film * 65535), 65535 - RAMP_16)


def test_the_bits_in_use_say_what_white_is(tmp_path: Path) -> None:
    Image.fromarray(RAMP_16 // 16).save(tmp_path / "film.png")
    file = read_film_file(tmp_path / "film.png", bits=12)
    assert file.film.max() == 1.0
    assert file.grey_levels == "12 bit"


def test_equal_pixels_have_equal_hashes_whatever_the_file(tmp_path: Path) -> None:
    Image.fromarray(RAMP_16).save(tmp_path / "film.png")
    Image.fromarray(RAMP_16).save(tmp_path / "film.tif")
    Image.fromarray(RAMP_16.T.copy()).save(tmp_path / "other.png")
    hashes = [read_film_file(tmp_path / name).sha256 for name in ("film.png", "film.tif", "other.png")]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_file_brighter_than_its_bits_is_refused(tmp_path: Path) -> None:
    Image.fromarray(RAMP_16).save(tmp_path / "film.png")
    with pytest.raises(InvalidImageError, match="found pixels from 0 to 65535, needed 12 bit: 0 to 4095"):
        read_film_file(tmp_path / "film.png", bits=12)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match="no such file"):
        read_film_file(tmp_path / "film.png")


@pytest.mark.parametrize("content", [b"", b"no image at all", b"PK\x03\x04"], ids=["empty", "text", "zip"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "film.png").write_bytes(content)
    with pytest.raises(InvalidImageError, match="found no image, needed one of PNG, JPEG, TIFF, DICOM"):
        read_film_file(tmp_path / "film.png")


@pytest.mark.parametrize("name", ["film.png", "film.jpg", "film.tif"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidImageError, match=r"cannot be decoded|found no image"):
        read_film_file(tmp_path / name)


@pytest.mark.parametrize("side", [12, 20], ids=["a little too large", "far too large"])
def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / "film.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InvalidImageError, match="decompression bomb"):
        read_film_file(tmp_path / "film.png")


def test_a_file_of_several_frames_is_refused(tmp_path: Path) -> None:
    frame = Image.fromarray(RAMP_8)
    frame.save(tmp_path / "film.tif", save_all=True, append_images=[frame])
    with pytest.raises(InvalidImageError, match="found 2 frames, needed one"):
        read_film_file(tmp_path / "film.tif")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("RGB", (8, 8), (255, 0, 0)), "found a colour image, needed grey"),
        (Image.new("1", (8, 8)), "found pixels of mode 1"),
        (Image.fromarray(np.zeros((8, 8), np.float32)), "found pixels of mode F"),
        (Image.fromarray(np.full((8, 8), 70_000, np.int32)), "needed 16 bit"),
    ],
    ids=["colour", "1 bit", "float", "32 bit"],
)
def test_other_kinds_of_pixels_are_refused(tmp_path: Path, image: Image.Image, message: str) -> None:
    image.save(tmp_path / "film.tif")
    with pytest.raises(InvalidImageError, match=message):
        read_film_file(tmp_path / "film.tif")
