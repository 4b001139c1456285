"""A film from a DICOM file: header, pixels and grey levels put together."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from services.curator.dicom.grey_levels import make_grey_scale
from services.curator.dicom.header import DicomHeader
from services.curator.dicom.part10 import OpenedFile, open_dicom
from services.curator.dicom.pixel_format import PixelFormat
from services.curator.dicom.pixels import StoredPixels, decode_pixels
from services.curator.readable_file import ReadableFile
from shared.errors import InvalidImageError
from shared.images import Film

# Rows that are mapped at once; numpy widens indices to eight bytes.
_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class DicomFilm:
    """A film as it is meant to be seen, and where it comes from."""

    film: Film
    """(rows, columns) float32 in [0, 1], dense tissue bright."""
    stored: StoredPixels
    """As they stand in the file, as bit patterns."""
    form: PixelFormat
    header: DicomHeader
    grey_levels: str
    """How stored values were mapped to [0, 1]."""


def read_dicom_header(path: ReadableFile) -> DicomHeader:
    """Read who and what a file shows.

    Raises:
        InvalidImageError: if it cannot be read.

    """
    with _opened(path) as opened:
        return DicomHeader.read(opened.header)


def read_dicom_film(path: ReadableFile, *, bits: int = 16) -> DicomFilm:
    """Read a film.

    Args:
        path: a file for which `is_dicom` holds.
        bits: how many bits are used by files that state more and have neither window nor VOI LUT.

    Raises:
        InvalidImageError: saying what is wrong with the file; nothing else, whatever the file holds.

    """
    with _opened(path) as opened:
        form = PixelFormat.read(opened.header, has_pixels=opened.has_pixels)
        stored = decode_pixels(opened, form)
        scale = make_grey_scale(opened.header, form, present=_present(stored, form), bits=bits)
        film = np.empty(stored.shape, np.float32)
        for row in range(0, form.rows, _ROWS):
            film[row : row + _ROWS] = scale.table[stored[row : row + _ROWS]]
        header = DicomHeader.read(opened.header)
    return DicomFilm(film=film, stored=stored, form=form, header=header, grey_levels=scale.description)


def _present(stored: StoredPixels, form: PixelFormat) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    present = np.zeros(form.values, dtype=np.bool_)
    for row in range(0, form.rows, _ROWS):
        present[stored[row : row + _ROWS]] = True
    return present


@contextmanager
def _opened(path: ReadableFile) -> Iterator[OpenedFile]:
    # pydicom warns of whatever departs from the standard, twice, and reads on.
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            yield open_dicom(file)
    except InvalidImageError:
        raise
    except Exception as error:
        # Readers and decoders raise nearly anything on damaged files, and one file must not stop the others.
        raise InvalidImageError(f"cannot be decoded: {str(error) or type(error).__name__}") from error
    finally:
        logger.setLevel(level)
