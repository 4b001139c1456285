"""What two films are compared by when one may be a copy of the other: their fine structure."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from shared.images import Film, resize_film

Fingerprints = npt.NDArray[np.float32]
_SIDE = 64
_WIDE = 4.0


def fingerprint(film: Film) -> Fingerprints:
    """Bring a film to 64 x 64, take what is wider than 4 pixels away, and scale it to length 1.

    The outline and the brightness of a breast go: they are alike in many. What stays is where its tissue lies. A film
    without structure is all 0.

    Args:
        film: (rows, columns) float32 in [0, 1].

    Returns:
        (4096,) float32.

    """
    small = resize_film(film, _SIDE, _SIDE)
    fine = small - gaussian_filter(small, _WIDE)
    # The step at the breast's edge is larger than any tissue within.
    inside = small > 0.02
    weight = np.clip(gaussian_filter(inside.astype(np.float32), 2.0) * 2.0 - 1.0, 0.0, 1.0)
    flat = ((fine - _mean(fine, weight)) * weight).ravel()
    length = float(np.linalg.norm(flat))
    scaled: Fingerprints = (flat / length if length > 1e-6 else np.zeros_like(flat)).astype(np.float32)
    return scaled


def _mean(values: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]) -> float:
    total = float(weight.sum())
    return float((values * weight).sum()) / total if total > 0 else 0.0


def stack(films: Iterable[Film]) -> Fingerprints:
    """Fingerprints of several films, (films, 4096)."""
    return np.stack([fingerprint(film) for film in films])


def mirrored(fingerprints: Fingerprints) -> Fingerprints:
    """The fingerprints of the same films flipped left to right."""
    return fingerprints.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(len(fingerprints), -1)


def distances(first: Fingerprints, second: Fingerprints) -> npt.NDArray[np.float32]:
    """1 - correlation of the fine structure, 0 for copies and about 1 for strangers, whichever way they are flipped.

    Args:
        first: (n, 4096).
        second: (m, 4096).

    Returns:
        (n, m) float32 in [0, 2].

    """
    found: npt.NDArray[np.float32] = 1.0 - np.maximum(first @ second.T, mirrored(first) @ second.T)
    return found
