"""Compressed pixels (PS3.5, A.4): one decoder for each transfer syntax, whatever else is installed."""

import struct
from collections.abc import Callable

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from services.curator.dicom.codestream import Codestream, read_jpeg2000_codestream, read_jpeg_codestream
from services.curator.dicom.pixel_format import PixelFormat
from shared.errors import InvalidImageError

Pixels = NDArray[np.integer]

_RLE_HEADER = struct.Struct("<16I")


def decode_jpeg(frame: bytes, form: PixelFormat) -> Pixels:
    """JPEG (ISO 10918-1), baseline, extended and lossless."""
    _check(read_jpeg_codestream(frame), form)
    return np.asarray(imagecodecs.jpeg8_decode(frame))


def decode_jpeg_ls(frame: bytes, form: PixelFormat) -> Pixels:
    """JPEG-LS (ISO 14495-1), lossless and near-lossless."""
    _check(read_jpeg_codestream(frame), form)
    return np.asarray(imagecodecs.jpegls_decode(frame))


def decode_jpeg_2000(frame: bytes, form: PixelFormat) -> Pixels:
    """JPEG 2000 (ISO 15444-1) and high-throughput JPEG 2000 (ISO 15444-15)."""
    _check(read_jpeg2000_codestream(frame), form)
    return np.asarray(imagecodecs.jpeg2k_decode(frame))


def decode_rle(frame: bytes, form: PixelFormat) -> Pixels:
    """RLE (PS3.5, annex G): each byte of the pixels is a segment of its own, the highest first, packed as PackBits."""
    needed = form.bits_allocated // 8
    count, *offsets = _RLE_HEADER.unpack_from(frame)
    ends = [*offsets[1:count], len(frame)]
    if count != needed or any(start > end for start, end in zip(offsets[:count], ends, strict=True)):
        raise InvalidImageError(f"found {count} RLE segments at {offsets[:count]}, needed {needed} in order")
    pixels = np.empty((form.rows * form.columns, needed), np.uint8)
    for segment, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        # Pillow fills a line of the size that is needed and no more, whatever the segment unpacks to.
        line = Image.frombytes("L", (len(pixels), 1), frame[start:end], "packbits", "L")
        pixels[:, needed - 1 - segment] = np.asarray(line)[0]
    return pixels.view(f"<u{needed}").reshape(form.rows, form.columns)


def _check(stream: Codestream, form: PixelFormat) -> None:
    """Refuse a stream that would unpack to something else than the header says, before it is unpacked."""
    if (stream.rows, stream.columns, stream.components) != (form.rows, form.columns, 1):
        raise InvalidImageError(
            f"found compressed pixels of {stream.rows} x {stream.columns} x {stream.components}, "
            f"needed {form.rows} x {form.columns} x 1 as in the header"
        )
    if stream.bits > 16:
        raise InvalidImageError(f"found compressed pixels of {stream.bits} bit, needed up to 16")


DECODERS: dict[UID, Callable[[bytes, PixelFormat], Pixels]] = {
    RLELossless: decode_rle,
    JPEGBaseline8Bit: decode_jpeg,
    JPEGExtended12Bit: decode_jpeg,
    JPEGLossless: decode_jpeg,
    JPEGLosslessSV1: decode_jpeg,
    JPEGLSLossless: decode_jpeg_ls,
    JPEGLSNearLossless: decode_jpeg_ls,
    JPEG2000Lossless: decode_jpeg_2000,
    JPEG2000: decode_jpeg_2000,
    HTJ2KLossless: decode_jpeg_2000,
    HTJ2KLosslessRPCL: decode_jpeg_2000,
    HTJ2K: decode_jpeg_2000,
}

LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K)
