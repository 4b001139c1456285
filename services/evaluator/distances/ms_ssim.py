"""Multi-scale structural similarity of two films (Wang, Simoncelli and Bovik 2003)."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

from shared.errors import InvalidImageError
from shared.images import Film

_Array = npt.NDArray[np.float64]
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales, finest first, as published."""
_SIDE = 11
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2


def scales_of(size: int) -> int:
    """How many scales a film of `size` rows and columns has: at each, the window of 11 pixels fits in.

    Raises:
        InvalidImageError: if it fits in at none.

    """
    count = sum(1 for scale in range(len(WEIGHTS)) if size >> scale >= _SIDE)
    if not count:
        raise InvalidImageError(f"film: found {size} pixels a side, needed {_SIDE} or more for structural similarity")
    return count


def ms_ssim(first: Film, second: Film) -> float:
    """Similarity of two films of one shape, 1 for equal ones, 0 at least: what is below counts as 0.

    Window of 11 pixels with a Gaussian of 1.5, no padding, scales halved by 2 x 2 means. Films too small for five
    scales get as many as they have, with the published weights brought to a sum of 1.

    Args:
        first: (rows, columns) float32 in [0, 1].
        second: the same shape.

    """
    count = scales_of(min(first.shape))
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    x, y = first.astype(np.float64), second.astype(np.float64)
    similarity = 1.0
    for scale, weight in enumerate(weights, start=1):
        whole, structure = _ssim(x, y)
        # Luminance counts at the coarsest scale alone.
        similarity *= max(0.0, whole if scale == count else structure) ** weight
        x, y = _halved(x), _halved(y)
    return float(similarity)


def _ssim(x: _Array, y: _Array) -> tuple[float, float]:
    """Mean of structural similarity, and of its part for contrast and structure."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variances = _blurred(x * x) - mean_x**2 + _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    structure = (2.0 * covariance + _C2) / (variances + _C2)
    luminance = (2.0 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return float((luminance * structure).mean()), float(structure.mean())


def _blurred(values: _Array) -> _Array:
    positions = np.arange(_SIDE) - _SIDE // 2
    window = np.exp(-(positions**2) / (2.0 * _SIGMA**2))
    window /= window.sum()
    half = _SIDE // 2
    blurred: _Array = correlate1d(correlate1d(values, window, axis=0), window, axis=1)
    return blurred[half:-half, half:-half]


def _halved(values: _Array) -> _Array:
    rows, columns = (side // 2 * 2 for side in values.shape)
    whole = values[:rows, :columns]
    halved: _Array = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) / 4.0
    return halved
