"""How well an anomaly score tells real films from the same films spoiled on purpose."""

import numpy as np
from numpy.typing import NDArray

from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet
from shared.battery import SPOILERS
from shared.battery import spoil as spoil_film
from shared.progress import progress
from shared.roc import area_under_curve


def spoil(films: FilmSet, kind: str, index: int, *, seed: int) -> NDArray[np.float32]:
    """One film of `films`, float32 (S, S), spoiled as `kind`, one of `SPOILERS`, says.

    The donor is the next film of another patient, if there is one. Equal arguments give equal pixels.
    """
    others = [(index + step) % len(films) for step in range(1, len(films))]
    donor = next((other for other in others if films.patients[other] != films.patients[index]), index)
    return spoil_film(kind, films.film(index), films.masks[index], films.film(donor), seed=(seed, index))


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
