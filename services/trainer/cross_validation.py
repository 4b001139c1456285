"""Patient-grouped cross-validation: every film judged by a classifier that has not seen its patient."""

from typing import Any

import numpy as np

from services.trainer.films import FilmSet
from services.trainer.fit import Fit
from services.trainer.folds import patient_folds
from services.trainer.metrics import area_under_curve, classification_metrics, metrics_by_source
from shared.progress import progress


def cross_validate(fit: Fit, films: FilmSet, *, folds: int, cutoff: float, seed: int) -> dict[str, Any]:
    """Judge a way of training on all of `films`, in `folds` parts.

    Returns the figures of all films pooled (`out_of_fold`, the area under the curve with its interval over patients
    among them), the same within each source (`by_source`), and each part's own area (`auc_by_fold`). Raises
    ConfigurationError when there are fewer patients of a class than parts.
    """
    parts = patient_folds(films.malignant, films.patients, folds=folds, seed=seed)
    probabilities = np.empty(len(films))
    areas: list[float] = []
    with progress("cross-validating", total=folds) as reporter:
        for rest, part in parts:
            logits = fit.fit(rest).logits(part)
            probabilities[part] = 1 / (1 + np.exp(-logits))
            truth = films.malignant[part]
            if truth.any() and not truth.all():
                areas.append(area_under_curve(truth, logits))
            reporter.advance(note=f"auc {areas[-1]:.3f}" if areas else "")
    return {
        "out_of_fold": classification_metrics(films.malignant, probabilities, films.patients, cutoff=cutoff, seed=seed),
        "by_source": metrics_by_source(
            films.malignant, probabilities, films.patients, films.sources, cutoff=cutoff, seed=seed
        ),
        "auc_by_fold": areas,
    }
