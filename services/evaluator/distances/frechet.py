"""Fréchet distance between two sets of features, each taken as a normal distribution (Heusel et al. 2017, FID)."""

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]


def frechet_distance(first: Features, second: Features) -> float:
    """|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½), with means m and covariances C (divided by n - 1) of two sets.

    With centred features A and B, scaled such that C1 = AᵀA and C2 = BᵀB, the trace of the root is the sum of the
    singular values of A Bᵀ. So nothing as large as a covariance is made, and nothing is added to a singular one.

    Args:
        first: (films, features) float64, two films or more.
        second: (films, features) float64, with the same features.

    """
    means = first.mean(axis=0) - second.mean(axis=0)
    root_1, root_2 = _root_of_covariance(first), _root_of_covariance(second)
    cross = np.linalg.svd(root_1 @ root_2.T, compute_uv=False).sum()
    traces = np.square(root_1).sum() + np.square(root_2).sum()
    return float(max(0.0, means @ means + traces - 2.0 * cross))


def _root_of_covariance(features: Features) -> Features:
    """Some R with RᵀR = covariance, of as few rows as that takes."""
    centred: Features = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"), dtype=np.float64)
