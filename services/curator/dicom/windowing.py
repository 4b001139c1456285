"""Windows (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy.special import expit

from services.curator.dicom.header import read_number, read_values
from shared.errors import InvalidImageError


class WindowFunction(StrEnum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    """Between whole numbers: the window's ends are pixels of their own, so it is one narrower than it says."""
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, kw_only=True)
class Window:
    """Window Center (0028,1050), Window Width (0028,1051) and their function."""

    center: float
    width: float
    function: WindowFunction = WindowFunction.LINEAR

    def __post_init__(self) -> None:
        """Check the width.

        Raises:
            InvalidImageError: if it is not positive; that of a linear window not at least 1.

        """
        least = 1.0 if self.function is WindowFunction.LINEAR else np.finfo(float).tiny
        if not self.width >= least:
            needed = "1 or more" if self.function is WindowFunction.LINEAR else "more than 0"
            raise InvalidImageError(f"found Window Width (0028,1051) {self.width:g}, needed {needed}")


def read_window(header: Dataset) -> tuple[Window | None, int]:
    """Read the first window; returns it, if there is one, and how many there are.

    Raises:
        InvalidImageError: if the window or its function is none.

    """
    count = min(len(read_values(header, "WindowCenter")), len(read_values(header, "WindowWidth")))
    if count == 0:
        return None, 0
    stated = str(header.get("VOILUTFunction") or WindowFunction.LINEAR).strip().upper()
    if stated not in tuple(WindowFunction):
        raise InvalidImageError(
            f"found VOI LUT Function (0028,1056) {stated!r}, needed one of {', '.join(WindowFunction)}"
        )
    window = Window(
        center=read_number(header, "WindowCenter"),
        width=read_number(header, "WindowWidth"),
        function=WindowFunction(stated),
    )
    return window, count


def apply_windowing(values: NDArray[np.floating], window: Window) -> NDArray[np.float64]:
    """Map values to [0, 1]: 0 below the window, 1 above it, and by its function within.

    Args:
        values: after the modality LUT, any shape.
        window: c is its center, w its width. LINEAR: (x - (c - 0.5)) / (w - 1) + 0.5; LINEAR_EXACT: (x - c) / w + 0.5;
            SIGMOID: 1 / (1 + exp(-4 (x - c) / w)).

    Returns:
        Same shape.

    """
    x = np.asarray(values, dtype=np.float64)
    if window.function is WindowFunction.SIGMOID:
        return np.asarray(expit(4 * (x - window.center) / window.width), dtype=np.float64)
    linear = window.function is WindowFunction.LINEAR
    center, width = (window.center - 0.5, window.width - 1) if linear else (window.center, window.width)
    if width == 0:
        return (x > center).astype(np.float64)
    return np.clip((x - center) / width + 0.5, 0, 1)
