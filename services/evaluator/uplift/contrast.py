"""The paired test of two arms over seeds and patients.

Seeds and patients both vary: another draw of the training films, and other patients to test on, would give another
difference. That is the problem of several readers who read the same cases, and it is solved as there (Obuchowski and
Rockette 1995, degrees of freedom of Hillis 2007), with seeds for readers and a bootstrap over patients for the
covariance:

    variance of the mean difference = s² / S + max(c, 0)

s² is the variance of the differences between the S seeds, c the mean covariance of two seeds' differences over draws of
patients. Where patients matter less than seeds (c = 0) this is Student's paired t-test over seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Numbers = NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
"""With which the smallest effect that could have been shown is told."""


@dataclass(frozen=True)
class Contrast:
    """A difference of two arms, or a mean of such differences."""

    difference: float
    low: float
    high: float
    """Ends of the interval at 1 - `alpha`."""
    p: float
    """Two-sided, not corrected."""
    detectable: float
    """The smallest effect that this much data shows four times in five."""
    standard_error: float
    degrees_of_freedom: float
    by_seed: tuple[float, ...]
    alpha: float


def contrast(by_seed: Numbers, drawn: Numbers, *, alpha: float = ALPHA) -> Contrast:
    """Test a difference: of each seed (S,), and of each seed in each draw of patients (draws, S).

    Draws that are not finite, where a class was missing, are left out. Raises ValueError below two seeds.
    """
    seeds = len(by_seed)
    if seeds < 2:
        raise ValueError(f"{seeds} seed: a difference between arms needs two or more")
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    between_seeds = float(np.var(by_seed, ddof=1)) / seeds
    covariance = np.cov(drawn, rowvar=False)
    shared = max(float(covariance[~np.eye(seeds, dtype=bool)].mean()), 0.0)
    variance = between_seeds + shared
    freedom = variance**2 / (between_seeds**2 / (seeds - 1)) if between_seeds else np.inf
    error, mean = variance**0.5, float(by_seed.mean())
    ratio = abs(mean) / error if error else (np.inf if mean else 0.0)
    p = float(2 * stats.t.sf(ratio, freedom))
    reach = float(stats.t.ppf(1 - alpha / 2, freedom))
    return Contrast(
        difference=mean,
        low=mean - reach * error,
        high=mean + reach * error,
        p=p,
        detectable=(reach + float(stats.t.ppf(POWER, freedom))) * error,
        standard_error=error,
        degrees_of_freedom=float(freedom),
        by_seed=tuple(by_seed.tolist()),
        alpha=alpha,
    )


def holm(probabilities: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979): each is at least as large as any smaller one's."""
    order = np.argsort(probabilities, kind="stable")
    corrected, largest = [0.0] * len(probabilities), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * probabilities[place]))
        corrected[place] = largest
    return corrected
