"""Radiomic-like features of a film: numbers that need no network, after what radiologists' software measures.

First-order statistics of the grey levels inside the breast, Haralick's co-occurrence measures at three distances, and
the strength of the film's detail in four octaves. Named after the Image Biomarker Standardisation Initiative's features
where they have one there, but not bound to its discretisation: 32 levels between the breast's 1st and 99th percentile.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from services.evaluator.distances.cooccurrence import cooccurrence, texture
from shared.images import Film, Mask, resize_film

_LEVELS = 32
_DISTANCES = (1, 2, 4)
_OCTAVES = 4


def radiomic_features(film: Film, mask: Mask) -> Mapping[str, float]:
    """Measure a film inside its breast mask; always the same names in the same order, all finite.

    Args:
        film: (rows, columns) float32 in [0, 1].
        mask: the same shape, with at least one pixel inside.

    """
    inside = film[mask].astype(np.float64)
    features = {f"grey_{name}": value for name, value in _first_order(inside).items()}
    levels = _discretise(film, inside)
    for distance in _DISTANCES:
        measured = texture(cooccurrence(levels, mask, count=_LEVELS, distance=distance))
        features |= {f"cooccurrence_{name}_{distance}": value for name, value in measured.items()}
    return features | _detail(film, mask)


def _first_order(inside: npt.NDArray[np.float64]) -> dict[str, float]:
    mean, deviation = float(inside.mean()), float(inside.std())
    standardised = (inside - mean) / deviation if deviation > 0 else np.zeros_like(inside)
    low, lower, median, upper, high = (float(value) for value in np.percentile(inside, (10, 25, 50, 75, 90)))
    shares = np.histogram(inside, bins=_LEVELS, range=(0.0, 1.0))[0] / inside.size
    seen = shares[shares > 0]
    return {
        "mean": mean,
        "deviation": deviation,
        "skewness": float((standardised**3).mean()),
        "kurtosis": float((standardised**4).mean()),
        "percentile_10": low,
        "median": median,
        "percentile_90": high,
        "interquartile_range": upper - lower,
        "entropy": float(-(seen * np.log2(seen)).sum()),
    }


def _discretise(film: Film, inside: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    low, high = np.percentile(inside, (1, 99))
    scaled = (film - low) / (high - low) if high > low else np.zeros_like(film)
    return np.clip(scaled * _LEVELS, 0, _LEVELS - 1).astype(np.intp)


def _detail(film: Film, mask: Mask) -> dict[str, float]:
    """Root mean square of what each halving of the film loses, as log10 of full scale."""
    found = {}
    rows, columns = film.shape
    before = film
    for octave in range(1, _OCTAVES + 1):
        small = resize_film(film, max(1, rows >> octave), max(1, columns >> octave))
        after = resize_film(small, rows, columns)
        lost = float(np.sqrt(np.square(before - after)[mask].mean()))
        found[f"detail_octave_{octave}"] = float(np.log10(max(lost, 1e-6)))
        before = after
    return found
