"""Masks with soft edges: 0 outside, 1 well inside, and smooth between."""

import numpy as np
import numpy.typing as npt

from shared.images import Film, Mask


def feather(mask: Mask, width: int) -> Film:
    """Weights of a mask: 0 outside of it and on its edge, rising to 1 within `width` pixels, with no step.

    What lies beyond the array counts as outside. A mask too small for the width gets a narrower edge, so that some
    pixel always weighs more than 0.

    Args:
        mask: (rows, columns) bool, at least one pixel inside.
        width: pixels from the edge to where the weight is 1; below 4 the edge stays hard.

    Returns:
        (rows, columns) float32 in [0, 1].

    """
    for radius in range(width // 4, 0, -1):
        # Two means over a square reach as far as the core lies away from the edge: nothing outside gets a weight.
        core = _mean(mask.astype(np.float64), 2 * radius) >= 1 - 1e-9
        if core.any():
            weights = _mean(_mean(core.astype(np.float64), radius), radius)
            return np.where(mask, np.clip(weights, 0.0, 1.0), 0.0).astype(np.float32)
    return mask.astype(np.float32)


def _mean(values: npt.NDArray[np.float64], radius: int) -> npt.NDArray[np.float64]:
    """Mean over the square of 2 x radius + 1 pixels around each pixel; what lies beyond the array is 0."""
    side = 2 * radius + 1
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius + 1, radius)
        sums = np.pad(values, padding).cumsum(axis=axis)
        first, last = [slice(None), slice(None)], [slice(None), slice(None)]
        first[axis], last[axis] = slice(None, -side), slice(side, None)
        values = (sums[tuple(last)] - sums[tuple(first)]) / side
    return values
