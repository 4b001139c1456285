"""How alike the films of a set are to one another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.evaluator.distances.floor import Spread
from services.evaluator.distances.ms_ssim import ms_ssim
from shared.images import Film

FEWEST = 5
"""Films below which an interval says nothing."""
MOST = 24
"""Films of a set that are compared, spread evenly over it: each with each."""
_DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """Mean structural similarity over all pairs of a set's films; the lower, the more diverse."""

    films: int
    pairs: int
    similarity: Spread
    """Mean, and 95 % bootstrap interval over films."""


def diversity(films: Sequence[Film], *, seed: int, advance: Callable[[], None] = lambda: None) -> Diversity | None:
    """Compare each film with each; None where there are too few.

    Args:
        films: of one shape, (rows, columns) float32 in [0, 1].
        seed: of the bootstrap.
        advance: called after each film.

    """
    count = len(films)
    if count < FEWEST:
        return None
    similarity = np.zeros((count, count))
    for first in range(count):
        for second in range(first):
            similarity[first, second] = similarity[second, first] = ms_ssim(films[first], films[second])
        advance()
    pairs = count * (count - 1) // 2
    means = _bootstrap(similarity, np.random.default_rng(seed))
    low, high = np.percentile(means, (2.5, 97.5))
    mean = float(similarity.sum() / (2 * pairs))
    return Diversity(films=count, pairs=pairs, similarity=Spread(mean=mean, low=float(low), high=float(high)))


def _bootstrap(similarity: npt.NDArray[np.float64], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Means over pairs of different films, films being drawn with replacement."""
    count = len(similarity)
    times = generator.multinomial(count, np.full(count, 1.0 / count), size=_DRAWS).astype(np.float64)
    totals = np.einsum("di,ij,dj->d", times, similarity, times)
    weights = np.square(times.sum(axis=1)) - np.square(times).sum(axis=1)
    kept = weights > 0
    means: npt.NDArray[np.float64] = totals[kept] / weights[kept]
    return means
