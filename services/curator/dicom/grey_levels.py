"""From stored values to grey levels: modality LUT, then VOI LUT or window, then presentation (PS3.4, N.2).

Each step acts on a pixel's value alone, so it is done once for every value that a pixel can have, in float64.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from services.curator.dicom.header import read_number
from services.curator.dicom.look_up_table import LookUpTable, apply_lut
from services.curator.dicom.pixel_format import PixelFormat
from services.curator.dicom.windowing import apply_windowing, read_window
from shared.errors import InvalidImageError

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GreyScale:
    """The grey level of every stored value."""

    table: NDArray[np.float32]
    """(2 ** Bits Stored,) in [0, 1], by bit pattern."""
    description: str
    """The steps, in words."""


def make_grey_scale(header: Dataset, form: PixelFormat, *, present: NDArray[np.bool_], bits: int = 16) -> GreyScale:
    """Map stored values to [0, 1], dense tissue bright.

    Args:
        header: with the elements of the Modality LUT, VOI LUT and General Image modules.
        form: of the stored pixels.
        present: (2 ** Bits Stored,) which bit patterns the film has.
        bits: how many bits are used by unsigned pixels that state more and have neither window nor VOI LUT.

    Raises:
        InvalidImageError: if an element cannot be used.

    """
    stored = stored_values(form)
    padding, padding_said = _find_padding(header, form, stored)
    values, modality_said = _apply_modality(header, form, stored)
    find_range = partial(_find_range, header, form, values, seen=present & ~padding, bits=bits)
    levels, voi_said = _apply_values_of_interest(header, values, find_range)
    if form.inverted:
        levels = 1 - levels
    levels[padding] = 0
    steps = (f"{form.bits_stored} bit", modality_said, voi_said, "MONOCHROME1" if form.inverted else "", padding_said)
    return GreyScale(table=levels.astype(np.float32), description=", ".join(step for step in steps if step))


def stored_values(form: PixelFormat) -> Values:
    """The value of every bit pattern, (2 ** Bits Stored,)."""
    values = np.arange(form.values, dtype=np.float64)
    if form.signed:
        values[form.values // 2 :] -= form.values
    return values


def apply_rescale(values: Values, *, slope: float, intercept: float) -> Values:
    """Rescale Slope (0028,1053) and Intercept (0028,1052): any shape in, the same out (PS3.3, C.11.1.1.2)."""
    return values * slope + intercept


def _apply_modality(header: Dataset, form: PixelFormat, stored: Values) -> tuple[Values, str]:
    items = header.get("ModalityLUTSequence")
    if items:
        lut = LookUpTable.read(items[0], signed=form.signed, name="modality LUT")
        return apply_lut(stored, lut), "modality LUT"
    if header.get("RescaleSlope") is None and header.get("RescaleIntercept") is None:
        return stored, ""
    slope, intercept = (
        read_number(header, "RescaleSlope", default=1.0),
        read_number(header, "RescaleIntercept", default=0.0),
    )
    if slope == 0:
        raise InvalidImageError("found Rescale Slope (0028,1053) 0, needed another number")
    said = f"rescale {slope:g} {intercept:g}" if (slope, intercept) != (1.0, 0.0) else ""
    return apply_rescale(stored, slope=slope, intercept=intercept), said


def _apply_values_of_interest(
    header: Dataset, values: Values, unless_said: Callable[[], tuple[float, float]]
) -> tuple[Values, str]:
    items = header.get("VOILUTSequence")
    if items:
        lut = LookUpTable.read(items[0], signed=bool(values.min() < 0), name="VOI LUT")
        return apply_lut(values, lut) / (2**lut.bits - 1), f"VOI LUT{_first_of(len(items))}"
    window, count = read_window(header)
    if window is not None:
        said = f"window {window.center:g} {window.width:g} {window.function}{_first_of(count)}"
        return apply_windowing(values, window), said
    low, high = unless_said()
    if low == high:
        raise InvalidImageError(f"found no window, and no pixel but {low:g}")
    return np.clip((values - low) / (high - low), 0, 1), f"range {low:g} to {high:g}"


def _first_of(count: int) -> str:
    return f" (first of {count})" if count > 1 else ""


def _find_range(
    header: Dataset, form: PixelFormat, values: Values, *, seen: NDArray[np.bool_], bits: int
) -> tuple[float, float]:
    """What is black and what is white where neither window nor VOI LUT says it."""
    if header.get("PresentationIntentType") == "FOR PROCESSING" and seen.any():
        # Raw pixels use a small part of their bits, and not the same part on each device.
        within = values[seen]
    elif form.signed or header.get("ModalityLUTSequence"):
        within = values
    else:
        highest = 2 ** min(bits, form.bits_stored) - 1
        if seen[highest + 1 :].any():
            brightest = np.flatnonzero(seen)[-1]
            raise InvalidImageError(f"found pixels up to {brightest}, needed {bits} bit: 0 to {highest}")
        within = values[: highest + 1]
    return float(within.min()), float(within.max())


def _find_padding(header: Dataset, form: PixelFormat, stored: Values) -> tuple[NDArray[np.bool_], str]:
    """Stored values that stand for no tissue (PS3.3, C.7.5.1.1.2): Pixel Padding Value, up to its Range Limit."""
    first = _read_stored(header, "PixelPaddingValue", form)
    if first is None:
        return np.zeros(stored.shape, dtype=np.bool_), ""
    limit = _read_stored(header, "PixelPaddingRangeLimit", form)
    low, high = sorted((first, first if limit is None else limit))
    said = f"padding {low}" if low == high else f"padding {low} to {high}"
    return (stored >= low) & (stored <= high), said


def _read_stored(header: Dataset, keyword: str, form: PixelFormat) -> int | None:
    """A stored value in the header, which pydicom leaves as bytes where the VR is implicit."""
    value = header.get(keyword)
    if isinstance(value, bytes) and len(value) == 2:
        value = int.from_bytes(value, "little")
    if not isinstance(value, int):
        return None
    if form.signed and value >= 1 << 15:
        value -= 1 << 16
    return value
