"""Films and masks as arrays, on disk, and at other sizes."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp
from PIL import Image

from shared import images
from shared.errors import InvalidImageError

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)
FILMS = hnp.arrays(np.float32, SHAPES, elements={"min_value": 0, "max_value": 1})


def noise(rows: int, columns: int, seed: int = 0) -> images.Film:
    return np.random.default_rng(seed).random((rows, columns), dtype=np.float32)


def test_every_16_bit_value_survives_float32() -> None:
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    film = images.from_uint16(pixels)
    assert (film.dtype, film.min(), film.max()) == (np.float32, 0.0, 1.0)
    np.testing.assert_array_equal(images.to_uint16(film), pixels)


def test_values_outside_are_clipped_and_halves_go_to_even() -> None:
    film = np.array([[-0.5, 1.5, 0.5 / 65535, 1.5 / 65535]])
    np.testing.assert_array_equal(images.to_uint16(film), [[0, 65535, 0, 2]])


@given(FILMS)
def test_a_film_survives_its_file(film: images.Film) -> None:
    data = images.encode_png16(film)
    np.testing.assert_array_equal(images.decode_png16(data), images.from_uint16(images.to_uint16(film)))
    assert Image.open(io.BytesIO(data)).mode == "I;16"


@given(hnp.arrays(np.bool_, SHAPES))
def test_a_mask_survives_its_file(mask: images.Mask) -> None:
    np.testing.assert_array_equal(images.decode_mask_png(images.encode_mask_png(mask)), mask)


def as_file(array: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(as_file(np.zeros((2, 2), np.uint8)), "found mode L, needed 16-bit grey", id="8 bit"),
        pytest.param(as_file(np.zeros((2, 2), np.uint8), "TIFF"), "cannot identify image", id="TIFF"),
        pytest.param(images.encode_png16(noise(64, 64))[:200], "PNG: ", id="truncated"),
        pytest.param(b"", "cannot identify image", id="empty"),
    ],
)
def test_a_file_that_holds_no_film_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InvalidImageError, match=message):
        images.decode_png16(data)


def test_a_file_that_holds_no_mask_is_refused() -> None:
    with pytest.raises(InvalidImageError, match="needed 1 bit"):
        images.decode_mask_png(images.encode_png16(noise(4, 4)))


SIZES = {"half": (32, 32), "odd": (29, 41), "tiny": (3, 5), "larger": (100, 90), "one way each": (20, 200)}


@pytest.mark.parametrize(("rows", "columns"), SIZES.values(), ids=SIZES.keys())
def test_resizing_is_torchs_antialiased_bilinear(rows: int, columns: int) -> None:
    film = noise(64, 80)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(film)[None, None], size=(rows, columns), mode="bilinear", antialias=True
    )
    np.testing.assert_allclose(images.resize_film(film, rows, columns), expected[0, 0].numpy(), atol=1e-5)


def test_resizing_to_the_same_size_changes_nothing() -> None:
    film = noise(33, 21)
    assert images.resize_film(film, 33, 21) is film


@given(FILMS)
def test_resizing_stays_within_the_films_own_values(film: images.Film) -> None:
    resized = images.resize_film(film, 7, 13)
    assert resized.dtype == np.float32
    assert film.min() - 1e-6 <= resized.min()
    assert resized.max() <= film.max() + 1e-6
    images.validate_film(resized)


def test_a_view_is_resized_like_its_copy() -> None:
    film = noise(64, 64)[::-2, 3:40]
    np.testing.assert_array_equal(images.resize_film(film, 16, 16), images.resize_film(film.copy(), 16, 16))


def test_a_masks_pixel_is_inside_when_half_of_it_or_more_is_covered() -> None:
    mask = np.zeros((8, 8), dtype=np.bool_)
    mask[:, :4] = True
    np.testing.assert_array_equal(images.resize_mask(mask, 4, 4), [[True, True, False, False]] * 4)
    assert images.resize_mask(mask, 8, 8) is mask
    assert images.resize_mask(~mask | mask, 3, 3).all()


@pytest.mark.parametrize(
    ("shape", "padding"),
    [
        pytest.param((4, 4), (0, 0, 0, 0), id="square"),
        pytest.param((6, 3), (0, 0, 1, 2), id="upright"),
        pytest.param((2, 7), (2, 3, 0, 0), id="lying"),
    ],
)
def test_padding_makes_a_square_and_says_how(shape: tuple[int, int], padding: tuple[int, int, int, int]) -> None:
    film = noise(*shape) + 0.1
    padded, found = images.pad_to_square(film)
    assert found == padding
    top, bottom, left, right = padding
    side = max(shape)
    assert padded.shape == (side, side)
    np.testing.assert_array_equal(padded[top : side - bottom, left : side - right], film)
    assert padded.sum() == pytest.approx(film.sum())


def test_mirroring_twice_changes_nothing() -> None:
    film = noise(3, 5)
    np.testing.assert_array_equal(images.mirror(film)[:, 0], film[:, -1])
    np.testing.assert_array_equal(images.mirror(images.mirror(film)), film)


def test_films_with_the_same_pixels_and_shape_have_the_same_hash() -> None:
    film = images.from_uint16(images.to_uint16(noise(4, 6)))
    assert images.sha256_pixels(film) == images.sha256_pixels(film + np.float32(1e-7))
    assert images.sha256_pixels(film) != images.sha256_pixels(film.reshape(6, 4))
    changed = film.copy()
    changed[0, 0] = images.from_uint16(images.to_uint16(film[:1, :1]) ^ 1)[0, 0]
    assert images.sha256_pixels(film) != images.sha256_pixels(changed)


FILM = noise(4, 4)
REFUSED = {
    "three dimensions": (FILM[None], "found 3 dimensions, needed 2"),
    "empty": (FILM[:0], r"found an empty array of shape \(0, 4\)"),
    "not square": (FILM[:3], "found 3 x 4 pixels, needed a square"),
    "float64": (FILM.astype(np.float64), "found dtype float64, needed float32"),
    "NaN": (np.where(FILM > 0.5, np.float32("nan"), FILM), "found NaN or infinite pixels"),
    "infinite": (np.where(FILM > 0.5, np.float32("inf"), FILM), "found NaN or infinite pixels"),
    "below 0": (FILM - 1, "found pixels from -"),
    "above 1": (FILM + 1, "needed values within"),
}


@pytest.mark.parametrize(("film", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_an_array_that_is_no_film_is_refused(film: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidImageError, match=f"content: .*{message}"):
        images.validate_film(film, name="content", square=True)


def test_a_film_need_not_be_square_unless_told() -> None:
    images.validate_film(FILM[:3])


MASK = FILM > 0.5
MASKS_REFUSED = {
    "numbers": (FILM, "found dtype float32, needed bool"),
    "another shape": (MASK[:3], r"found shape \(3, 4\), needed the film's \(4, 4\)"),
    "nothing inside": (np.zeros_like(MASK), "found no pixel inside"),
}


@pytest.mark.parametrize(("mask", "message"), MASKS_REFUSED.values(), ids=MASKS_REFUSED.keys())
def test_an_array_that_is_no_mask_is_refused(mask: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidImageError, match=f"breast: {message}"):
        images.validate_mask(mask, (4, 4), name="breast")
