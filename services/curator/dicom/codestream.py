"""Sizes within compressed pixels, which need not be those of the header."""

import re
import struct
from dataclasses import dataclass

from shared.errors import InvalidImageError

_SOI, _EOI, _SOS, _SOF_55 = 0xD8, 0xD9, 0xDA, 0xF7
# SOF0 to SOF15, less DHT, JPG and DAC, which lie between them; JPEG-LS has a number of its own.
_FRAMES = (*(code for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC)), _SOF_55)
_STUFFED_JPEG, _STUFFED_JPEG_LS = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]"), re.compile(rb"\xff+[\x80-\xcf\xd8-\xfe]")


@dataclass(frozen=True, kw_only=True)
class Codestream:
    """What a compressed image says of itself."""

    rows: int
    columns: int
    components: int
    bits: int
    """Of a component."""


def read_jpeg_codestream(frame: bytes) -> Codestream:
    """Read the frame header of a JPEG (ISO 10918-1, B.2.2) or JPEG-LS (ISO 14495-1, C.2.2) image.

    Raises:
        InvalidImageError: if it is none, or its entropy-coded data ends before the image does: decoders paint what is
            missing grey, or search for it for seconds.

    """
    try:
        return _walk_jpeg(frame)
    except (struct.error, IndexError) as error:
        raise InvalidImageError("truncated: found a JPEG image without its end") from error


def _walk_jpeg(frame: bytes) -> Codestream:
    if frame[:2] != bytes((0xFF, _SOI)):
        raise InvalidImageError("found no JPEG image in the compressed pixels")
    position, found, jpeg_ls = 2, None, False
    while True:
        if frame[position] != 0xFF:
            raise InvalidImageError(f"found no JPEG marker at byte {position} of the compressed pixels")
        code = frame[position + 1]
        if code == 0xFF:
            position += 1
            continue
        if code == _EOI:
            break
        (length,) = struct.unpack_from(">H", frame, position + 2)
        if code in _FRAMES:
            bits, rows, columns, components = struct.unpack_from(">BHHB", frame, position + 4)
            found, jpeg_ls = Codestream(rows=rows, columns=columns, components=components, bits=bits), code == _SOF_55
        position += 2 + length
        if code == _SOS:
            end = (_STUFFED_JPEG_LS if jpeg_ls else _STUFFED_JPEG).search(frame, position)
            if end is None:
                raise IndexError(position)
            position = end.end() - 2
    if found is None:
        raise InvalidImageError("found a JPEG image without a frame header")
    return found


def read_jpeg2000_codestream(frame: bytes) -> Codestream:
    """Read the SIZ segment of a JPEG 2000 codestream (ISO 15444-1, A.5.1).

    Raises:
        InvalidImageError: if there is none.

    """
    start = frame.find(b"\xff\x4f\xff\x51")
    try:
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        (components,) = struct.unpack_from(">H", frame, start + 40)
        bits = (frame[start + 42] & 0x7F) + 1
    except (struct.error, IndexError):
        start = -1
    if start < 0:
        raise InvalidImageError("found no JPEG 2000 image in the compressed pixels")
    return Codestream(rows=bottom - top, columns=right - left, components=components, bits=bits)
