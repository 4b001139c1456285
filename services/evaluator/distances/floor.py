"""A distance beside its floor: how far real films are from real films, at the same number of films.

Distances of small sets are large whatever the sets are, so a number means something only beside that of two sets of
real films of the same size. Each draw deals the patients of the real films out anew into two halves that share no
patient, takes as many films of each as of the set in question, and measures both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from services.evaluator.distances.frechet import Features

Distance = Callable[[Features, Features], float]
FEWEST = 20
"""Films that either side of a draw needs; below, a distance says nothing, and none is given."""
_MOST = 400
_SHARE = 0.8


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean of the draws, and where the middle 95 % of them lie."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How far a set of films is from real ones, and real ones from each other."""

    films: int
    """Of the set."""
    real: int
    sample: int
    """Films on either side of a draw."""
    draws: int
    distance: Spread
    floor: Spread
    whole: float
    """Between all films of both sets, once: what is called by the measure's name elsewhere."""

    @property
    def beyond(self) -> bool:
        """Whether the set lies farther from real films than those lie from each other, in nearly all draws."""
        return self.distance.low > self.floor.high


def sample_size(films: int, real: int) -> int:
    """Films of either side of a draw: four fifths of the set, so that draws differ, and of half the real ones."""
    return min(int(_SHARE * films), int(_SHARE * real / 2), _MOST)


def compare(
    features: Features, real: Features, patients: Sequence[str], distance: Distance, *, draws: int, seed: int
) -> Comparison | None:
    """Measure a set against real films; None where there are too few of either.

    Args:
        features: (films, features) of the set.
        real: (films, features) of real films.
        patients: of the real films, in their order.
        distance: between two sets of features.
        draws: how many.
        seed: of the draws.

    """
    size = sample_size(len(features), len(real))
    if size < FEWEST:
        return None
    generator = np.random.default_rng(seed)
    distances, floors = [], []
    for _ in range(draws):
        dealt = _deal(patients, size, generator)
        if dealt is None:
            continue
        one, other = (real[half] for half in dealt)
        taken = features[generator.choice(len(features), size, replace=False)]
        distances.append(distance(taken, one))
        floors.append(distance(other, one))
    if not distances:
        return None
    return Comparison(
        films=len(features),
        real=len(real),
        sample=size,
        draws=len(distances),
        distance=spread(distances),
        floor=spread(floors),
        whole=distance(features, real),
    )


def spread(values: Sequence[float]) -> Spread:
    """Sum draws up."""
    low, high = np.percentile(values, (2.5, 97.5))
    return Spread(mean=float(np.mean(values)), low=float(low), high=float(high))


def _deal(patients: Sequence[str], size: int, generator: np.random.Generator) -> tuple[list[int], list[int]] | None:
    """Two lists of `size` films that share no patient; None where one patient has so many films that it fails."""
    films: dict[str, list[int]] = {}
    for place, patient in enumerate(patients):
        films.setdefault(patient, []).append(place)
    names = sorted(films)
    halves: tuple[list[int], list[int]] = ([], [])
    for place in generator.permutation(len(names)):
        # The half that lacks more films gets the next patient.
        min(halves, key=len).extend(films[names[place]])
    if min(map(len, halves)) < size:
        return None
    one, other = (generator.choice(half, size, replace=False).tolist() for half in halves)
    return one, other
