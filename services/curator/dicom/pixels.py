"""Stored pixels of a DICOM file, decoded."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder

from services.curator.dicom.compressed import DECODERS, LOSSY
from services.curator.dicom.part10 import NATIVE, OpenedFile, read_pixel_data
from services.curator.dicom.pixel_format import PixelFormat
from shared.errors import InvalidImageError

StoredPixels = NDArray[np.uint8] | NDArray[np.uint16]

# Nothing that is compressed without loss grows by more.
_MOST_GROWTH = 2
_ROOM_BYTES = 1 << 20


def decode_pixels(opened: OpenedFile, form: PixelFormat) -> StoredPixels:
    """Decode the frame to bit patterns.

    Returns:
        (rows, columns) uint8 or uint16, each below 2 ** Bits Stored; a signed value is its two's complement.

    Raises:
        InvalidImageError: if pixels are missing, cannot be decoded, or are others than the header says.

    """
    encapsulated = opened.pixel_bytes is None
    if encapsulated == (opened.transfer_syntax in NATIVE):
        found, needed = ("compressed", "plain") if encapsulated else ("plain", "compressed")
        raise InvalidImageError(f"found {found} pixels, needed {needed} ones in {opened.transfer_syntax.name}")
    position = opened.file.tell()
    left = opened.file.seek(0, 2) - position
    opened.file.seek(position)
    if encapsulated and left > _MOST_GROWTH * form.frame_bytes + _ROOM_BYTES:
        raise InvalidImageError(f"found {left} bytes of compressed pixels, far more than {form.frame_bytes} without")
    data = read_pixel_data(opened)
    if opened.transfer_syntax in NATIVE:
        return _native(data, opened, form)
    frame = get_frame(data.PixelData, 0, number_of_frames=1)
    pixels = DECODERS[opened.transfer_syntax](frame, form)
    if pixels.shape != (form.rows, form.columns) or pixels.dtype.itemsize > 2:
        raise InvalidImageError(
            f"found decoded pixels {pixels.dtype} {pixels.shape}, needed {form.rows} x {form.columns}"
        )
    if not form.signed and int(pixels.max()) >= form.values:
        if opened.transfer_syntax not in LOSSY:
            raise InvalidImageError(f"found pixels up to {pixels.max()}, needed {form.bits_stored} bit")
        # Lossy compression of 12 bit in 16 overshoots.
        pixels = np.minimum(pixels, form.values - 1)
    return _mask(pixels, form)


def _native(data: Dataset, opened: OpenedFile, form: PixelFormat) -> StoredPixels:
    found, needed = len(data.PixelData), form.frame_bytes
    if found < needed:
        cut = "truncated: " if opened.pixel_bytes is not None and found < opened.pixel_bytes else ""
        raise InvalidImageError(f"{cut}found {found} bytes of pixels, needed {needed} for {form.rows} x {form.columns}")
    data.update(opened.header)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = opened.transfer_syntax
    pixels, _ = get_decoder(opened.transfer_syntax).as_array(data, raw=True, index=0)
    return _mask(pixels, form)


def _mask(pixels: NDArray[np.integer], form: PixelFormat) -> StoredPixels:
    """Two's complement of Bits Stored; bits above, where old files keep overlays, are cleared."""
    unsigned = pixels.astype(pixels.dtype.newbyteorder("="), copy=False).view(f"u{pixels.dtype.itemsize}")
    return np.asarray(unsigned & np.asarray(form.values - 1, unsigned.dtype))
