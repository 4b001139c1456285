"""Real films spoiled on purpose, and how well an anomaly score tells them from what they were."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet
from services.trainer.metrics import area_under_curve
from shared.progress import progress

FilmPixels = NDArray[np.float32]
Mask = NDArray[np.bool_]
Spoiler = Callable[[FilmPixels, Mask, FilmPixels, np.random.Generator], FilmPixels]

CONTRAST = 0.25
"""Strength of noise and of the checkerboard, as a share of the standard deviation of the film inside the breast."""
CHECK_SIDE = 2
"""Side of a field of the checkerboard, in pixels."""
BLUR_SHARE = 1 / 64
"""Standard deviation of the blur, as a share of the film's side."""
PATCH_SHARE = 1 / 4
"""Side of the foreign patch, as a share of the film's side."""


def add_noise(film: FilmPixels, mask: Mask, _donor: FilmPixels, generator: np.random.Generator) -> FilmPixels:
    """Add white Gaussian noise."""
    return film + generator.normal(size=film.shape).astype(np.float32) * _strength(film, mask)


def add_checkerboard(film: FilmPixels, mask: Mask, _donor: FilmPixels, _generator: np.random.Generator) -> FilmPixels:
    """Add a checkerboard of bright and dark fields, what upsampling networks leave behind."""
    rows, columns = np.indices(film.shape) // CHECK_SIDE
    return film + np.where((rows + columns) % 2, 1, -1).astype(np.float32) * _strength(film, mask)


def blur(film: FilmPixels, _mask: Mask, _donor: FilmPixels, _generator: np.random.Generator) -> FilmPixels:
    """Blur with a Gaussian, cut off at three standard deviations."""
    deviation = max(film.shape[0] * BLUR_SHARE, 0.5)
    radius = int(np.ceil(3 * deviation))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / deviation) ** 2)
    taps = taps / taps.sum()
    blurred = functional.pad(torch.from_numpy(film)[None, None], (radius,) * 4, mode="replicate")
    blurred = functional.conv2d(blurred, taps.view(1, 1, 1, -1))
    return functional.conv2d(blurred, taps.view(1, 1, -1, 1))[0, 0].numpy()


def paste_texture(film: FilmPixels, mask: Mask, donor: FilmPixels, generator: np.random.Generator) -> FilmPixels:
    """Put a square of the donor film's texture somewhere in the breast, brought to the brightness found there."""
    side = max(2, round(film.shape[0] * PATCH_SHARE))
    last = film.shape[0] - side
    inside = np.argwhere(mask)
    row, column = np.clip(inside[generator.integers(len(inside))] - side // 2, 0, last)
    place = np.s_[row : row + side, column : column + side]
    spoiled = film.copy()
    spoiled[place] = donor[place] - donor[place].mean() + film[place].mean()
    return spoiled


SPOILERS: dict[str, Spoiler] = {
    "noise": add_noise,
    "blur": blur,
    "checkerboard": add_checkerboard,
    "texture": paste_texture,
}


def _strength(film: FilmPixels, mask: Mask) -> np.float32:
    return np.float32(CONTRAST * film[mask].std())


def spoil(films: FilmSet, kind: str, index: int, *, seed: int) -> FilmPixels:
    """One film of `films` spoiled as `kind` says: only inside its mask, still within [0, 1].

    The donor is the next film of another patient, if there is one. Equal arguments give equal pixels.
    """
    film, mask = films.film(index), films.masks[index]
    generator = np.random.default_rng([seed, list(SPOILERS).index(kind), index])
    others = [(index + step) % len(films) for step in range(1, len(films))]
    donor = next((other for other in others if films.patients[other] != films.patients[index]), index)
    spoiled = SPOILERS[kind](film, mask, films.film(donor), generator)
    return np.where(mask, np.clip(spoiled, 0, 1), film).astype(np.float32)


def spoiled_areas(scorer: GraphScorer, films: FilmSet, scores: NDArray[np.float64], *, seed: int) -> dict[str, float]:
    """Area under the ROC curve of the anomaly score for each kind of spoiled film against the films themselves.

    `scores` (n,) are those of `films` unspoiled. 0.5 is what a coin achieves; below it, spoiled films look *better*
    to the detector than real ones.
    """
    truth = np.repeat([False, True], len(films))
    areas: dict[str, float] = {}
    with progress("scoring spoiled films", total=len(SPOILERS) * len(films)) as reporter:
        for kind in SPOILERS:
            spoiled = np.empty(len(films))
            for index in range(len(films)):
                film = spoil(films, kind, index, seed=seed)
                spoiled[index] = scorer.run(film, films.masks[index])["score"][0]
                reporter.advance(note=kind)
            areas[kind] = area_under_curve(truth, np.concatenate([scores, spoiled]))
    return areas
