"""Area under the ROC curve, with intervals over patients; numpy in, numbers out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]
Patients = NDArray[np.str_]
Groups = NDArray[np.str_]
Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A percentile interval; both ends are in the units of what was estimated."""

    low: float
    high: float


def area_under_curve(labels: Labels, scores: Scores, *, groups: Groups | None = None) -> float:
    """Area under the ROC curve, ties counted half; `labels` bool (n,), `scores` (n,).

    That is the share of pairs of a malignant and a benign film in which the malignant one scores higher; with `groups`
    (n,) only pairs of films of the same group count. Raises ValueError when there is no such pair.
    """
    area = float(weighted_areas(labels, scores, np.ones((1, len(labels))), groups)[0])
    if np.isnan(area):
        raise ValueError(f"the area under the curve needs both classes, got {int(labels.sum())} of {len(labels)}")
    return area


def patient_draws(patients: Patients, *, seed: int, draws: int) -> Weights:
    """Draw whole patients with replacement: how often each film counts in each draw, float64 (draws, n).

    Films of one patient are not independent, so drawing films would make intervals too narrow.
    """
    _, patient_of_film = np.unique(patients, return_inverse=True)
    count = int(patient_of_film.max()) + 1
    times_drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    return times_drawn[:, patient_of_film].astype(np.float64)


def bootstrap_area(
    labels: Labels,
    scores: Scores,
    patients: Patients,
    *,
    seed: int,
    draws: int = 1000,
    level: float = 0.95,
    groups: Groups | None = None,
) -> Interval:
    """Percentile interval of the area under the ROC curve, whole patients being drawn with replacement.

    Draws in which a class is missing are left out. Raises ValueError when a class is missing from `labels`
    or from every draw.
    """
    areas = weighted_areas(labels, scores, patient_draws(patients, seed=seed, draws=draws), groups)
    areas = areas[~np.isnan(areas)]
    if areas.size == 0:
        raise ValueError("no draw of patients held both classes")
    return percentile_interval(areas, level=level)


def percentile_interval(values: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """Where the middle `level` of bootstrapped values lie."""
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def weighted_areas(labels: Labels, scores: Scores, weights: Weights, groups: Groups | None = None) -> Weights:
    """Areas under the ROC curve for each row of `weights` (draws, n); NaN where no pair has any weight."""
    members = [np.arange(len(labels))]
    if groups is not None:
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    wins, comparisons = np.zeros(len(weights)), np.zeros(len(weights))
    for films in members:
        won, compared = _wins(labels[films], scores[films], weights[:, films])
        wins, comparisons = wins + won, comparisons + compared
    areas: Weights = np.divide(wins, comparisons, out=np.full(len(weights), np.nan), where=comparisons > 0)
    return areas


def _wins(labels: Labels, scores: Scores, weights: Weights) -> tuple[Weights, Weights]:
    """Weight of the pairs in which the malignant film scores higher, and of all pairs, for each row of `weights`."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    positive = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * ~labels[order], starts, axis=1)
    negative_below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (negative_below + negative / 2)).sum(axis=1)
    return wins, positive.sum(axis=1) * negative.sum(axis=1)
