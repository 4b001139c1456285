"""How well scores tell two classes apart, with intervals over patients; numpy in, numbers out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.calibration_curve import expected_calibration_error

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]
Patients = NDArray[np.str_]
Groups = NDArray[np.str_]


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
    area = float(_weighted_areas(labels, scores, np.ones((1, len(labels))), groups)[0])
    if np.isnan(area):
        raise ValueError(f"the area under the curve needs both classes, got {int(labels.sum())} of {len(labels)}")
    return area


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

    Films of one patient are not independent, so drawing films would make the interval too narrow.
    Draws in which a class is missing are left out. Raises ValueError when a class is missing from `labels`
    or from every draw.
    """
    _, patient_of_film = np.unique(patients, return_inverse=True)
    patient_count = int(patient_of_film.max()) + 1
    generator = np.random.default_rng(seed)
    times_drawn = generator.multinomial(patient_count, np.full(patient_count, 1 / patient_count), size=draws)
    areas = _weighted_areas(labels, scores, times_drawn[:, patient_of_film].astype(np.float64), groups)
    areas = areas[~np.isnan(areas)]
    if areas.size == 0:
        raise ValueError("no draw of patients held both classes")
    tail = (1 - level) / 2
    low, high = np.quantile(areas, [tail, 1 - tail])
    return Interval(float(low), float(high))


def bootstrap_share(
    flags: Labels, patients: Patients, *, seed: int, draws: int = 1000, level: float = 0.95
) -> Interval:
    """Percentile interval of the share of films with a flag, bool (n,), whole patients being drawn with replacement."""
    _, patient_of_film = np.unique(patients, return_inverse=True)
    count = int(patient_of_film.max()) + 1
    times_drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    weights = times_drawn[:, patient_of_film]
    tail = (1 - level) / 2
    low, high = np.quantile((weights @ flags) / weights.sum(axis=1), [tail, 1 - tail])
    return Interval(float(low), float(high))


def _weighted_areas(
    labels: Labels, scores: Scores, weights: NDArray[np.float64], groups: Groups | None
) -> NDArray[np.float64]:
    """Areas under the ROC curve for each row of `weights` (draws, n); NaN where no pair has any weight."""
    members = [np.arange(len(labels))]
    if groups is not None:
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    wins, comparisons = np.zeros(len(weights)), np.zeros(len(weights))
    for films in members:
        won, compared = _wins(labels[films], scores[films], weights[:, films])
        wins, comparisons = wins + won, comparisons + compared
    areas: NDArray[np.float64] = np.divide(wins, comparisons, out=np.full(len(weights), np.nan), where=comparisons > 0)
    return areas


def _wins(
    labels: Labels, scores: Scores, weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of the pairs in which the malignant film scores higher, and of all pairs, for each row of `weights`."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    positive = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * ~labels[order], starts, axis=1)
    negative_below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (negative_below + negative / 2)).sum(axis=1)
    return wins, positive.sum(axis=1) * negative.sum(axis=1)


def classification_metrics(
    labels: Labels, probabilities: Scores, patients: Patients, *, cutoff: float, seed: int
) -> dict[str, float]:
    """Every figure of one group of films by name; malignant is the positive class, probabilities in [0, 1].

    The area under the curve and its interval are absent when the group has one class only.
    """
    called = probabilities >= cutoff
    figures: dict[str, float] = {
        "films": len(labels),
        "patients": len(np.unique(patients)),
        "accuracy": float(np.mean((probabilities >= 0.5) == labels)),
        "accuracy_at_cutoff": float(np.mean(called == labels)),
        "true_malignant": int(np.sum(called & labels)),
        "false_malignant": int(np.sum(called & ~labels)),
        "true_benign": int(np.sum(~called & ~labels)),
        "false_benign": int(np.sum(~called & labels)),
        "expected_calibration_error": expected_calibration_error(labels, probabilities),
        "brier_score": float(np.mean((probabilities - labels) ** 2)),
    }
    if labels.any() and not labels.all():
        interval = bootstrap_area(labels, probabilities, patients, seed=seed)
        figures |= {"auc": area_under_curve(labels, probabilities), "auc_low": interval.low, "auc_high": interval.high}
    return figures


def metrics_by_source(
    labels: Labels,
    probabilities: Scores,
    patients: Patients,
    sources: NDArray[np.str_],
    *,
    cutoff: float,
    seed: int,
) -> dict[str, dict[str, float]]:
    """`classification_metrics` within each source: a source that predicts the label flatters the whole."""
    groups: dict[str, dict[str, float]] = {}
    for source in np.unique(sources).tolist():
        films = np.flatnonzero(sources == source)
        groups[source] = classification_metrics(
            labels[films], probabilities[films], patients[films], cutoff=cutoff, seed=seed
        )
    return groups


def metrics_within_sources(
    labels: Labels, probabilities: Scores, patients: Patients, sources: NDArray[np.str_], *, seed: int
) -> dict[str, float]:
    """Figures that a difference between sources cannot flatter.

    The area under the curve counts pairs of films of the same source only, and is absent when no source has both
    classes; the calibration error is the mean of each source's own, weighted by films.
    """
    errors = [
        (sources == source).sum()
        * expected_calibration_error(labels[sources == source], probabilities[sources == source])
        for source in np.unique(sources)
    ]
    figures = {"expected_calibration_error": float(sum(errors) / len(labels))}
    try:
        interval = bootstrap_area(labels, probabilities, patients, seed=seed, groups=sources)
    except ValueError:
        return figures
    area = area_under_curve(labels, probabilities, groups=sources)
    return figures | {"auc": area, "auc_low": interval.low, "auc_high": interval.high}
