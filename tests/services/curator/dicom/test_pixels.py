import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import jpeg_ls
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from openjpeg.utils import encode_array as encode_openjpeg
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder

from services.curator.dicom import read_dicom_film
from services.curator.dicom.compressed import DECODERS
from services.curator.dicom.part10 import NATIVE
from shared.errors import InvalidImageError

WriteDicom = Callable[..., Path]
Image = NDArray[np.uint16]


def encode_rle(pixels: NDArray[np.integer]) -> bytes:
    return RLELosslessEncoder.encode(
        pixels.tobytes(),
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=1,
        bits_allocated=8 * pixels.dtype.itemsize,
        bits_stored=8 * pixels.dtype.itemsize,
        pixel_representation=int(pixels.dtype.kind == "i"),
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
    )


def encode_htj2k(pixels: Image) -> bytes:
    return bytes(imagecodecs.htj2k_encode(pixels))


def encode_jpeg_2000(pixels: Image) -> bytes:
    return bytes(encode_openjpeg(pixels, photometric_interpretation=2, bits_stored=12))


LOSSLESS = {
    "RLE": (uid.RLELossless, encode_rle),
    "JPEG lossless, any predictor": (
        uid.JPEGLossless,
        lambda pixels: imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12, predictor=6),
    ),
    "JPEG lossless, first order": (
        uid.JPEGLosslessSV1,
        lambda pixels: imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12),
    ),
    "JPEG-LS": (uid.JPEGLSLossless, lambda pixels: bytes(jpeg_ls.encode_array(pixels))),
    "JPEG-LS, near-lossless syntax": (uid.JPEGLSNearLossless, lambda pixels: bytes(jpeg_ls.encode_array(pixels))),
    "JPEG 2000": (uid.JPEG2000Lossless, encode_jpeg_2000),
    "JPEG 2000, lossy syntax": (uid.JPEG2000, encode_jpeg_2000),
    "HTJ2K": (uid.HTJ2KLossless, encode_htj2k),
    "HTJ2K RPCL": (uid.HTJ2KLosslessRPCL, encode_htj2k),
    "HTJ2K, lossy syntax": (uid.HTJ2K, encode_htj2k),
}
LOSSY = {
    "JPEG extended, 12 bit": (
        uid.JPEGExtended12Bit,
        lambda pixels: imagecodecs.jpeg8_encode(pixels, level=98, bitspersample=12),
        40,
    ),
    "JPEG-LS near-lossless": (
        uid.JPEGLSNearLossless,
        lambda pixels: bytes(jpeg_ls.encode_array(pixels, lossy_error=3)),
        3,
    ),
    "JPEG 2000": (
        uid.JPEG2000,
        lambda pixels: bytes(encode_openjpeg(pixels, compression_ratios=[4], bits_stored=12)),
        9,
    ),
}


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
def test_pixels_that_are_not_compressed_are_read_as_they_were_written(
    write_dicom: WriteDicom, ramp: Image, syntax: uid.UID
) -> None:
    film = read_dicom_film(write_dicom(ramp, syntax=syntax))
    np.testing.assert_array_equal(film.stored, ramp)
    np.testing.assert_array_equal(film.film, ramp.astype(np.float32) / np.float32(4095))


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS.values(), ids=LOSSLESS)
@pytest.mark.parametrize("image", ["ramp", "smooth"])
def test_pixels_compressed_without_loss_are_read_as_they_were_written(
    write_dicom: WriteDicom,
    request: pytest.FixtureRequest,
    image: str,
    syntax: uid.UID,
    encode: Callable[[Image], bytes],
) -> None:
    pixels = request.getfixturevalue(image)
    film = read_dicom_film(write_dicom(pixels, syntax=syntax, frame=encode(pixels)))
    np.testing.assert_array_equal(film.stored, pixels)


@pytest.mark.parametrize(("syntax", "encode", "tolerance"), LOSSY.values(), ids=LOSSY)
def test_pixels_compressed_with_loss_are_read_nearly_as_they_were_written(
    write_dicom: WriteDicom, smooth: Image, syntax: uid.UID, encode: Callable[[Image], bytes], tolerance: int
) -> None:
    film = read_dicom_film(write_dicom(smooth, syntax=syntax, frame=encode(smooth)))
    difference = np.abs(film.stored.astype(int) - smooth)
    assert 0 < difference.max() <= tolerance


def test_8_bit_jpeg_is_read_nearly_as_it_was_written(write_dicom: WriteDicom, smooth: Image) -> None:
    pixels = (smooth >> 4).astype(np.uint8)
    frame = imagecodecs.jpeg8_encode(pixels, level=98)
    film = read_dicom_film(write_dicom(pixels, bits=8, syntax=uid.JPEGBaseline8Bit, frame=frame))
    assert film.stored.dtype == np.uint8
    np.testing.assert_allclose(film.stored, pixels, atol=3)


def test_every_transfer_syntax_is_tried() -> None:
    tried = {syntax for syntax, _ in LOSSLESS.values()} | {syntax for syntax, _, _ in LOSSY.values()}
    assert tried | {uid.JPEGBaseline8Bit} == set(DECODERS)


@pytest.mark.parametrize("allocated", [np.int8, np.int16], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "RLE"])
def test_negative_pixels_are_in_the_lower_half_of_the_range(
    write_dicom: WriteDicom, allocated: type[np.signedinteger], compressed: bool
) -> None:
    bits = 8 * np.dtype(allocated).itemsize
    pixels = np.linspace(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 256).astype(allocated).reshape(16, 16)
    syntax, frame = (uid.RLELossless, encode_rle(pixels)) if compressed else (uid.ExplicitVRLittleEndian, b"")
    film = read_dicom_film(write_dicom(pixels, bits=bits, syntax=syntax, frame=frame)).film
    np.testing.assert_allclose(film.ravel(), np.linspace(0, 1, 256), atol=2 ** (1 - bits))


def test_bits_above_those_stored_are_ignored(write_dicom: WriteDicom, ramp: Image) -> None:
    film = read_dicom_film(write_dicom(ramp | np.uint16(0x8000)))
    np.testing.assert_array_equal(film.stored, ramp)


def test_a_frame_may_lie_in_several_fragments(write_dicom: WriteDicom, ramp: Image) -> None:
    data = encapsulate([encode_rle(ramp)], fragments_per_frame=3)
    film = read_dicom_film(write_dicom(ramp, syntax=uid.RLELossless, frame=b"x", PixelData=data))
    np.testing.assert_array_equal(film.stored, ramp)


def test_lossy_pixels_that_overshoot_are_white(write_dicom: WriteDicom, ramp: Image) -> None:
    frame = bytes(encode_openjpeg(ramp, photometric_interpretation=2, bits_stored=12))
    film = read_dicom_film(write_dicom(ramp, bits=11, syntax=uid.JPEG2000, frame=frame))
    np.testing.assert_array_equal(film.stored, np.minimum(ramp, 2047))


@pytest.mark.parametrize(
    ("encode", "syntax", "bits", "message"),
    [
        (lambda a: bytes(jpeg_ls.encode_array(a[:16])), uid.JPEGLSLossless, 12, "compressed pixels of 16 x 128 x 1"),
        (
            lambda a: encode_jpeg_2000(a[:, :64].copy()),
            uid.JPEG2000,
            12,
            "compressed pixels of 32 x 64 x 1, needed 32 x 128",
        ),
        (lambda a: encode_rle(a[:16]), uid.RLELossless, 12, "cannot be decoded"),
        (lambda a: encode_rle(a.astype(np.uint8)), uid.RLELossless, 12, "found 1 RLE segments"),
        (encode_jpeg_2000, uid.JPEG2000Lossless, 11, "found pixels up to 4095, needed 11 bit"),
        (encode_rle, uid.JPEGLosslessSV1, 12, "found no JPEG image"),
        (encode_rle, uid.HTJ2K, 12, "found no JPEG 2000 image"),
        (lambda a: bytes(jpeg_ls.encode_array(a))[:-60], uid.JPEGLSLossless, 12, "truncated"),
        (
            lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=12)[:-60],
            uid.JPEGLosslessSV1,
            12,
            "truncated",
        ),
        (lambda a: encode_jpeg_2000(a)[:-600], uid.JPEG2000, 12, "cannot be decoded"),
    ],
    ids=[
        "fewer rows",
        "fewer columns",
        "fewer rows, RLE",
        "8 bit for 16",
        "more bits than the header says",
        "no JPEG",
        "no JPEG 2000",
        "JPEG-LS cut off",
        "JPEG cut off",
        "JPEG 2000 cut off",
    ],
)
def test_compressed_pixels_that_are_not_what_the_header_says_are_refused(
    write_dicom: WriteDicom,
    ramp: Image,
    encode: Callable[[Image], bytes],
    syntax: uid.UID,
    bits: int,
    message: str,
) -> None:
    with pytest.raises(InvalidImageError, match=message):
        read_dicom_film(write_dicom(ramp, bits=bits, syntax=syntax, frame=encode(ramp)))


@pytest.mark.parametrize(
    ("pixels_in", "stated", "message"),
    [
        (uid.ExplicitVRLittleEndian, uid.RLELossless, "found plain pixels, needed compressed ones in RLE Lossless"),
        (uid.RLELossless, uid.ExplicitVRLittleEndian, "found compressed pixels, needed plain ones"),
    ],
    ids=["plain in a compressed syntax", "compressed in a plain syntax"],
)
def test_a_file_whose_transfer_syntax_lies_is_refused(
    write_dicom: WriteDicom, ramp: Image, pixels_in: uid.UID, stated: uid.UID, message: str
) -> None:
    frame = b"" if pixels_in in NATIVE else encode_rle(ramp)
    path = write_dicom(ramp, syntax=pixels_in, frame=frame)
    meta, data_set = (pydicom.dcmread(path) for _ in range(2))
    meta.file_meta.TransferSyntaxUID = stated
    header = pydicom.filebase.DicomBytesIO()
    pydicom.filewriter.write_file_meta_info(header, meta.file_meta)
    body = path.read_bytes()
    start = 132 + 12 + data_set.file_meta.FileMetaInformationGroupLength
    path.write_bytes(body[:132] + header.getvalue() + body[start:])
    with pytest.raises(InvalidImageError, match=message):
        read_dicom_film(path)


@pytest.mark.parametrize(
    "name",
    [
        "693_J2KI.dcm",
        "JPEG2000.dcm",
        "JPEGLSNearLossless_08.dcm",
        "JPEGLSNearLossless_16.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
        "examples_overlay.dcm",
    ],
)
def test_files_that_come_with_pydicom_decode_as_pydicom_decodes_them(name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    expected = pydicom.dcmread(path)
    with warnings.catch_warnings(action="ignore"):
        decoded = expected.pixel_array
    found = read_dicom_film(Path(path))
    pattern = decoded.astype(np.int64) & (2**expected.BitsStored - 1)
    np.testing.assert_array_equal(found.stored, pattern)


@pytest.mark.parametrize(
    "command",
    [
        ["dcmcjpeg", "+e1"],
        ["dcmcjpeg", "+el", "+sv", "6"],
        ["dcmcjpls", "+el"],
        ["dcmcrle"],
        ["dcmconv", "+ti"],
        ["dcmconv", "+tb"],
        ["dcmconv", "-F", "+te"],
        ["dcmconv", "-F", "+ti"],
        ["dcmconv", "-F", "+tb"],
        ["gdcmconv", "--jpeg"],
        ["gdcmconv", "--jpegls"],
        ["gdcmconv", "--j2k"],
        ["gdcmconv", "--rle"],
    ],
    ids=" ".join,
)
def test_what_other_programs_write_is_read_as_it_was(
    write_dicom: WriteDicom, smooth: Image, tmp_path: Path, command: list[str]
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} on this machine")
    path = write_dicom(smooth)
    subprocess.run([*command, str(path), str(tmp_path / "other.dcm")], check=True, capture_output=True)
    np.testing.assert_array_equal(read_dicom_film(tmp_path / "other.dcm").stored, smooth)
