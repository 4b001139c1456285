"""Learns from real films what their texture is like."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from services.trainer.films import FilmSet
from services.trainer.texture.gate import Limits, TextureGate
from services.trainer.texture.gaussian import Gaussian
from services.trainer.texture.local import Oddity
from services.trainer.texture.statistics import TextureStatistics
from shared.errors import DatasetError

FEWEST_FILMS = 10
NEIGHBOURHOODS_A_FILM = 800
"""Drawn at random from each training film."""
FOLDS = 5
"""Parts of the training patients, each measured by the distributions of the others."""
GENERAL_PERCENTILE, EDGE_PERCENTILE = 98, 95
"""Percentiles of the training films' held-out distances at which each counts as a score of 1: edges, the faintest of
faults, may reject more real films than all the rest."""
ODDITY_PERCENTILE = 99
"""Of neighbourhoods in real films, from which one is marked."""
_FILMS_AT_ONCE = 4

Samples = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class FittedTexture:
    """A texture detector, and what it says of the films that it was fitted to as if it had not seen them."""

    gate: TextureGate
    held_out_scores: Samples
    """Of the training films, (n,): each by the distributions of other patients' films. How films look from place to
    place is taken from all of them, which is known so well that a patient more or less does not show."""


def fit_texture(films: FilmSet, *, seed: int, advance: Callable[[int], None] = lambda _: None) -> FittedTexture:
    """Fit a texture detector to real films; `advance` is told of films done, each film twice.

    Equal films and seeds give equal detectors. Raises DatasetError when there are too few films or patients.
    """
    if len(films) < FEWEST_FILMS:
        raise DatasetError(f"found {len(films)} training films, needed {FEWEST_FILMS} or more to know their texture")
    folds = min(FOLDS, len(np.unique(films.patients)))
    if folds < 2:
        raise DatasetError("found training films of 1 patient, needed 2 or more to know what other patients' are like")
    statistics = TextureStatistics(films.size).eval()
    with torch.inference_mode():
        neighbourhoods = _sample_neighbourhoods(statistics, films, seed=seed, advance=advance)
        oddity = Oddity(Gaussian.fit(neighbourhoods), films.size)
        general, edges, steps = _measure(statistics, oddity, films, advance=advance)
        gaussians = Gaussian.fit(general), Gaussian.fit(edges)
        parts = list(GroupKFold(folds, shuffle=True, random_state=seed).split(general, groups=films.patients))
        distances = [_held_out_distances(samples, parts) for samples in (general, edges)]
        limits = Limits(
            general=float(np.percentile(distances[0], GENERAL_PERCENTILE)),
            edges=float(np.percentile(distances[1], EDGE_PERCENTILE)),
            oddity=float(np.percentile(_distances(oddity.gaussian, neighbourhoods), ODDITY_PERCENTILE)),
            step=float(np.percentile(steps, EDGE_PERCENTILE)),
        )
    scores = np.maximum(distances[0] / limits.general, distances[1] / limits.edges)
    return FittedTexture(TextureGate(statistics, oddity, *gaussians, limits), scores)


def _batches(films: FilmSet) -> list[range]:
    return [range(at, min(at + _FILMS_AT_ONCE, len(films))) for at in range(0, len(films), _FILMS_AT_ONCE)]


def _sample_neighbourhoods(
    statistics: TextureStatistics, films: FilmSet, *, seed: int, advance: Callable[[int], None]
) -> Samples:
    """Descriptions (n, D) of neighbourhoods drawn at random, as many from each film."""
    generator = np.random.default_rng(seed)
    drawn = []
    for indices in _batches(films):
        described, holds = statistics.neighbourhoods_of(*films.batch(indices))
        for values, where in zip(described.movedim(1, -1), holds[:, 0] > 0, strict=True):
            inside = values[where].numpy()
            drawn.append(inside[generator.permutation(len(inside))[:NEIGHBOURHOODS_A_FILM]])
        advance(len(indices))
    samples = np.concatenate(drawn).astype(np.float64)
    if len(samples) < 2:
        raise DatasetError("the training films have no pixels well inside their breast masks: needed are larger masks")
    return samples


def _measure(
    statistics: TextureStatistics, oddity: Oddity, films: FilmSet, *, advance: Callable[[int], None]
) -> tuple[Samples, Samples, Samples]:
    """General statistics (n, D), those of edges (n, E), and each film's strongest step (n,)."""
    general, edges, steps = [], [], []
    for indices in _batches(films):
        described = statistics(*films.batch(indices), oddity)
        general.append(described.general.double().numpy())
        edges.append(described.edges.double().numpy())
        steps.append(described.steps.amax(dim=(1, 2, 3)).double().numpy())
        advance(len(indices))
    return np.concatenate(general), np.concatenate(edges), np.concatenate(steps)


def _held_out_distances(samples: Samples, parts: list[tuple[Indices, Indices]]) -> Samples:
    """Distance (n,) of each sample from the Gaussian of those in the other parts: (rest, part) indices of each."""
    distances = np.empty(len(samples))
    for rest, part in parts:
        distances[part] = _distances(Gaussian.fit(samples[rest]), samples[part])
    return distances


def _distances(gaussian: Gaussian, samples: Samples) -> Samples:
    return gaussian.distance(torch.from_numpy(samples.astype(np.float32))).double().numpy()
