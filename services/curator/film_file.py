"""Reads a film from a PNG, JPEG, TIFF or DICOM file."""

import hashlib
import warnings
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from services.curator.dicom import DicomHeader, is_dicom, read_dicom_film
from services.curator.readable_file import ReadableFile
from shared.errors import InvalidImageError
from shared.images import Film

_FORMATS = ("PNG", "JPEG", "TIFF")
_GREY_16 = ("I;16", "I;16B", "I;16L", "I")
# Grey films that were saved as colour JPEG differ a little between channels.
_COLOUR_TOLERANCE = 6
_TIFF_PHOTOMETRIC = 262
# Spacings that differ by less are rounded.
_SQUARE = 0.01
# Rows that are hashed at once.
_ROWS = 256


@dataclass(frozen=True)
class FilmFile:
    """What a file holds."""

    film: Film
    """(rows, columns) float32 in [0, 1]."""
    sha256: str
    """Of the shape and the pixels as they stand in the file: equal hashes mean physically identical films."""
    grey_levels: str
    """How pixels were mapped to [0, 1], such as "8 bit"."""
    header: DicomHeader | None = None
    """Of a DICOM file."""

    @property
    def aspect_ratio(self) -> float | None:
        """Width / height of what the film shows, where its header says that pixels are not square."""
        spacing = self.header.pixel_spacing if self.header else None
        if spacing is None or abs(spacing[0] / spacing[1] - 1) < _SQUARE:
            return None
        rows, columns = self.film.shape
        return float(columns * spacing[1] / (rows * spacing[0]))


def read_film_file(path: ReadableFile, *, bits: int = 16) -> FilmFile:
    """Read a grey film of 8 or 16 bit.

    Args:
        path: PNG, JPEG, TIFF or DICOM with one frame; content decides and not the name.
        bits: how many bits of a 16-bit file are used: 12 maps 4095 to 1. DICOM says it itself, as a rule.

    Raises:
        InvalidImageError: saying what is wrong with the file: missing, of another format, truncated, a decompression
            bomb, of several frames, in colour, of more than 16 bit, or brighter than `bits` allow.

    """
    if not path.is_file():
        raise InvalidImageError("no such file")
    try:
        dicom = is_dicom(path)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        said = error.strerror if isinstance(error, OSError) else ""
        raise InvalidImageError(f"cannot be read: {said or error}") from error
    if dicom:
        return _read_dicom(path, bits=bits)
    pixels, depth = _read_pixels(path)
    if pixels.size == 0:
        raise InvalidImageError("found no pixels")
    used = 8 if depth == 8 else bits
    highest = 2**used - 1
    if int(pixels.min()) < 0 or int(pixels.max()) > highest:
        raise InvalidImageError(
            f"found pixels from {pixels.min()} to {pixels.max()}, needed {used} bit: 0 to {highest}"
        )
    film = pixels.astype(np.float32) / np.float32(highest)
    return FilmFile(film=film, sha256=_hash(pixels, str(depth)), grey_levels=f"{used} bit")


def _read_dicom(path: ReadableFile, *, bits: int) -> FilmFile:
    dicom = read_dicom_film(path, bits=bits)
    form = dicom.form
    kind = f"{form.bits_allocated}{' signed' if form.signed else ''}{' inverted' if form.inverted else ''}"
    return FilmFile(
        film=dicom.film, sha256=_hash(dicom.stored, kind), grey_levels=dicom.grey_levels, header=dicom.header
    )


def _hash(pixels: NDArray[np.integer], kind: str) -> str:
    digest = hashlib.sha256(f"{pixels.shape[0]}x{pixels.shape[1]}x{kind}:".encode())
    for row in range(0, pixels.shape[0], _ROWS):
        # Pixels of 16 bit are hashed as they lie, without a copy.
        digest.update(np.ascontiguousarray(pixels[row : row + _ROWS].astype("<u2", copy=False)).data)
    return digest.hexdigest()


def _read_pixels(path: ReadableFile) -> tuple[NDArray[np.integer], int]:
    """Decode a file; returns its pixels and their depth, 8 or 16 bit."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of decompression bombs and of damaged metadata; a bomb must not be unpacked.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
                frames = int(getattr(image, "n_frames", 1))
                if frames > 1:
                    raise InvalidImageError(f"found {frames} frames, needed one")
                image.load()
                return _grey_pixels(image)
    except InvalidImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImageError(f"refused as a decompression bomb: {error}") from error
    except UnidentifiedImageError as error:
        raise InvalidImageError(f"found no image, needed one of {', '.join(_FORMATS)}, DICOM") from error
    except Exception as error:
        # Decoders raise nearly anything on damaged files, and one file must not stop the others.
        raise InvalidImageError(f"cannot be decoded: {str(error) or type(error).__name__}") from error


def _grey_pixels(image: Image.Image) -> tuple[NDArray[np.integer], int]:
    if image.mode == "L":
        return np.asarray(image), 8
    if image.mode in _GREY_16:
        pixels = np.asarray(image).astype(np.int32)
        white_is_zero = getattr(image, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == 0
        return (65535 - pixels if white_is_zero else pixels), 16
    if image.mode in ("RGB", "RGBA", "LA", "P"):
        channels = np.asarray(image.convert("RGB")).astype(np.int32)
        spread = int((channels.max(axis=2) - channels.min(axis=2)).max())
        if spread <= _COLOUR_TOLERANCE:
            return channels[:, :, 1], 8
        raise InvalidImageError("found a colour image, needed grey")
    raise InvalidImageError(f"found pixels of mode {image.mode}, needed grey of 8 or 16 bit")
