"""Kernel distance between two sets of features (Bińkowski et al. 2018, KID)."""

from services.evaluator.distances.frechet import Features


def kernel_distance(first: Features, second: Features) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x·y / d + 1)³; it can be a little below 0.

    Args:
        first: (films, features) float64, two films or more.
        second: (films, features) float64, with the same features.

    """
    return float(_within(first) + _within(second) - 2.0 * _kernel(first, second).mean())


def _within(features: Features) -> float:
    """Mean of the kernel over pairs of different films."""
    kernel = _kernel(features, features)
    count = len(features)
    return float((kernel.sum() - kernel.trace()) / (count * (count - 1)))


def _kernel(first: Features, second: Features) -> Features:
    cubed: Features = (first @ second.T / first.shape[1] + 1.0) ** 3
    return cubed
