"""Patient-grouped cross-validation: every film judged by a classifier that has not seen its patient."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.films import FilmSet
from services.trainer.fit import Fit
from services.trainer.folds import patient_folds
from shared.progress import progress
from shared.roc import area_under_curve


@dataclass(frozen=True)
class OutOfFold:
    """What a way of training says of films that it has not learnt from."""

    logits: NDArray[np.float64]
    """Of all films, (n,)."""
    auc_by_fold: list[float]
    """Area under the curve of each part that holds both classes."""


def cross_validate(fit: Fit, films: FilmSet, *, folds: int, seed: int) -> OutOfFold:
    """Judge a way of training on all of `films`, in `folds` parts.

    Raises ConfigurationError when there are fewer patients of a class than parts.
    """
    parts = patient_folds(films.malignant, films.patients, folds=folds, seed=seed)
    logits = np.empty(len(films))
    areas: list[float] = []
    with progress("cross-validating", total=folds) as reporter:
        for rest, part in parts:
            logits[part] = fit.fit(rest).logits(part)
            truth = films.malignant[part]
            if truth.any() and not truth.all():
                areas.append(area_under_curve(truth, logits[part]))
            reporter.advance(note=f"auc {areas[-1]:.3f}" if areas else "")
    return OutOfFold(logits, areas)
