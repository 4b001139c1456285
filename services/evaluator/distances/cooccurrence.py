"""Grey-level co-occurrence (Haralick et al. 1973) inside a mask."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.images import Mask

Matrix = npt.NDArray[np.float64]
_Array = npt.NDArray[Any]
_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
"""Right, down right, down, down left: with their opposites, all eight neighbours."""


def cooccurrence(levels: npt.NDArray[np.intp], mask: Mask, *, count: int, distance: int) -> Matrix:
    """How often two grey levels stand `distance` pixels apart, over the four directions and both orders, as shares.

    Args:
        levels: (rows, columns) integers from 0 to count - 1.
        mask: the same shape; only pairs of pixels that both lie inside count.
        count: grey levels.
        distance: in pixels, 1 or more.

    Returns:
        (count, count) float64, symmetric, summing to 1; all 0 where no pair lies inside.

    """
    total = np.zeros((count, count))
    for down, right in _DIRECTIONS:
        here, there = _shifted(levels, down * distance, right * distance)
        inside, inside_there = _shifted(mask, down * distance, right * distance)
        both = inside & inside_there
        pairs = here[both] * count + there[both]
        total += np.bincount(pairs, minlength=count * count).reshape(count, count)
    total += total.T
    return total / total.sum() if total.any() else total


def texture(matrix: Matrix) -> Mapping[str, float]:
    """Haralick's measures of a co-occurrence matrix, by name."""
    rows, columns = np.indices(matrix.shape)
    apart = np.abs(rows - columns)
    mean = float((rows * matrix).sum())
    variance = float((np.square(rows - mean) * matrix).sum())
    covariance = float(((rows - mean) * (columns - mean) * matrix).sum())
    seen = matrix[matrix > 0]
    return {
        "contrast": float((np.square(apart) * matrix).sum()),
        "dissimilarity": float((apart * matrix).sum()),
        "homogeneity": float((matrix / (1.0 + np.square(apart))).sum()),
        "energy": float(np.square(matrix).sum()),
        "correlation": covariance / variance if variance > 0 else 1.0,
        "entropy": float(-(seen * np.log2(seen)).sum()),
    }


def _shifted(values: _Array, down: int, right: int) -> tuple[_Array, _Array]:
    """The part of an array that has a neighbour at this offset, and those neighbours; `down` is 0 or more."""
    rows, columns = values.shape
    left, until = max(0, -right), columns - max(0, right)
    return values[: rows - down, left:until], values[down:, left + right : until + right]
