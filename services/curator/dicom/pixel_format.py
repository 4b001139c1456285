"""What the header says of the pixels (PS3.3, C.7.6.3), checked before a pixel is read."""

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import UID

from shared.errors import InvalidImageError

# As many as Pillow takes for a decompression bomb; the largest digitised films have half of it.
MOST_PIXELS = 89_478_485

_TOMOSYNTHESIS = ("1.2.840.10008.5.1.4.1.1.13.1.3", "1.2.840.10008.5.1.4.1.1.13.1.4", "1.2.840.10008.5.1.4.1.1.13.1.5")


@dataclass(frozen=True, kw_only=True)
class PixelFormat:
    """One frame of grey pixels."""

    rows: int
    columns: int
    bits_allocated: int
    """8 or 16."""
    bits_stored: int
    signed: bool
    """Whether values are in two's complement."""
    inverted: bool
    """Whether low values are bright: MONOCHROME1."""

    @property
    def values(self) -> int:
        """How many values a pixel can have."""
        return 1 << self.bits_stored

    @property
    def frame_bytes(self) -> int:
        """Size of the frame when it is not compressed."""
        return self.rows * self.columns * self.bits_allocated // 8

    @classmethod
    def read(cls, header: Dataset, *, has_pixels: bool) -> "PixelFormat":
        """Read the format.

        Raises:
            InvalidImageError: saying why the object is no single grey frame of 8 to 16 bit: an object without pixels,
                one of several frames, in colour, with elements that are missing or contradict each other, a bomb.

        """
        kind = UID(str(header.get("SOPClassUID") or "")).name or "unknown object"
        if not has_pixels:
            cut = ", though the header tells of some" if "Rows" in header else ""
            raise InvalidImageError(f"found no pixels ({kind}){cut}, needed Pixel Data (7FE0,0010)")
        frames = _integer(header, "NumberOfFrames", default=1)
        if frames != 1 or header.get("SOPClassUID") in _TOMOSYNTHESIS:
            raise InvalidImageError(f"found {frames} frames ({kind}), needed one film")
        samples = _integer(header, "SamplesPerPixel", default=1)
        photometric = str(header.get("PhotometricInterpretation", ""))
        if samples != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
            raise InvalidImageError(f"found {samples} samples a pixel, {photometric or 'of no kind'}, needed grey")
        rows, columns = _integer(header, "Rows"), _integer(header, "Columns")
        if rows < 1 or columns < 1:
            raise InvalidImageError(f"found {rows} x {columns} pixels, needed some")
        if rows * columns > MOST_PIXELS:
            raise InvalidImageError(
                f"refused as a decompression bomb: {rows} x {columns} pixels, more than {MOST_PIXELS}"
            )
        allocated, stored = _integer(header, "BitsAllocated"), _integer(header, "BitsStored")
        high = _integer(header, "HighBit", default=stored - 1)
        if allocated not in (8, 16) or not 1 < stored <= allocated or high != stored - 1:
            raise InvalidImageError(
                f"found {stored} bits, the highest at {high}, in {allocated}; needed up to 16 in 8 or 16, "
                "the highest just below their number"
            )
        signed = _integer(header, "PixelRepresentation", default=0)
        if signed not in (0, 1):
            raise InvalidImageError(f"found Pixel Representation (0028,0103) {signed}, needed 0 or 1")
        return cls(
            rows=rows,
            columns=columns,
            bits_allocated=allocated,
            bits_stored=stored,
            signed=signed == 1,
            inverted=photometric == "MONOCHROME1",
        )


def _integer(header: Dataset, keyword: str, *, default: int | None = None) -> int:
    value = header.get(keyword)
    if value is None and default is not None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise InvalidImageError(f"found {keyword} {value!r}, needed a whole number") from error
