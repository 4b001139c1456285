"""Look-up tables of the modality and of the values of interest (PS3.3, C.11.1 and C.11.2)."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from shared.errors import InvalidImageError


@dataclass(frozen=True, kw_only=True)
class LookUpTable:
    """Maps whole numbers from `first` on to entries; what lies beyond its ends gets the entry at that end."""

    first: int
    entries: NDArray[np.uint16]
    bits: int
    """Of an entry."""

    @classmethod
    def read(cls, item: Dataset, *, signed: bool, name: str) -> "LookUpTable":
        """Read LUT Descriptor (0028,3002) and LUT Data (0028,3006).

        Args:
            item: of the sequence.
            signed: whether the values that are looked up can be negative.
            name: how errors name the table.

        Raises:
            InvalidImageError: if the two are missing or do not fit each other.

        """
        count, first, bits = (value & 0xFFFF for value in _descriptor(item, name))
        count = count or 1 << 16
        if signed and first >= 1 << 15:
            first -= 1 << 16
        entries = _entries(item, count, bits)
        if not 8 <= bits <= 16 or len(entries) < count or int(entries[:count].max()) >= 1 << bits:
            raise InvalidImageError(f"found a {name} of {len(entries)} entries, needed {count} of {bits} bit, 8 to 16")
        return cls(first=first, entries=entries[:count], bits=bits)


def _descriptor(item: Dataset, name: str) -> tuple[int, ...]:
    values = item.get("LUTDescriptor")
    if isinstance(values, bytes) and len(values) == 6:
        # pydicom leaves "US or SS" of an implicit VR as it stands.
        values = struct.unpack("<3H", values)
    try:
        count, first, bits = (int(value) for value in values or ())
    except (TypeError, ValueError) as error:
        raise InvalidImageError(f"found LUT Descriptor {values!r} of a {name}, needed three numbers") from error
    return count, first, bits


def _entries(item: Dataset, count: int, bits: int) -> NDArray[np.uint16]:
    data = item.get("LUTData")
    if data is None:
        return np.zeros(0, np.uint16)
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)
    # Entries of 8 bit may lie two to a word, or one.
    packed = bits == 8 and len(data) < 2 * count
    order = "<" if item.original_encoding[1] in (True, None) else ">"
    size = 1 if packed else 2
    return np.frombuffer(data[: len(data) // size * size], f"{order}u{size}").astype(np.uint16)


def apply_lut(values: NDArray[np.floating], lut: LookUpTable) -> NDArray[np.float64]:
    """Look values up.

    Args:
        values: any shape; fractions are cut off.
        lut: the table.

    Returns:
        Same shape, entries from 0 to 2 ** bits - 1.

    """
    index = np.clip(np.trunc(values) - lut.first, 0, len(lut.entries) - 1)
    return np.asarray(lut.entries[index.astype(np.intp)], dtype=np.float64)
