"""Sensitivity and precision at a fixed specificity, also for weighted draws of patients."""

import numpy as np
from numpy.typing import NDArray

from shared.roc import Labels, Scores, Weights


def at_specificity(
    labels: Labels, scores: Scores, weights: Weights, *, specificity: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sensitivity and precision at the lowest cut-off that leaves at least `specificity` of the benign films below it.

    `labels` bool (n,) and `scores` (n,) of films, `weights` (draws, n) how often each counts; both results (draws,).
    Precision is that of these films' mixture of classes. It is NaN where nothing is called malignant, sensitivity where
    no malignant film has any weight.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.concatenate([ordered[1:] != ordered[:-1], [True]]))
    positive = np.cumsum(weights[:, order] * labels[order], axis=1)
    negative = np.cumsum(weights[:, order] * ~labels[order], axis=1)
    none = np.zeros((len(weights), 1))
    called_positive = np.concatenate([none, positive[:, ends]], axis=1)
    called_negative = np.concatenate([none, negative[:, ends]], axis=1)
    allowed = called_negative <= (1 - specificity) * negative[:, -1:] + 1e-9
    cut = allowed.sum(axis=1) - 1
    rows = np.arange(len(weights))
    true, false, all_positive = called_positive[rows, cut], called_negative[rows, cut], positive[:, -1]
    undefined = np.full(len(weights), np.nan)
    sensitivity: NDArray[np.float64] = np.divide(true, all_positive, out=undefined.copy(), where=all_positive > 0)
    precision: NDArray[np.float64] = np.divide(true, true + false, out=undefined.copy(), where=true + false > 0)
    return sensitivity, precision
