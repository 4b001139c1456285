"""How well scores tell two classes apart, with intervals over patients; numpy in, numbers out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]
Patients = NDArray[np.str_]


@dataclass(frozen=True)
class Interval:
    """A percentile interval; both ends are in the units of what was estimated."""

    low: float
    high: float


def area_under_curve(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve, ties counted half; `labels` bool (n,), `scores` (n,).

    Raises ValueError when one of the two classes is missing.
    """
    return float(_weighted_areas(labels, scores, np.ones((1, len(labels))))[0])


def bootstrap_area(
    labels: Labels, scores: Scores, patients: Patients, *, seed: int, draws: int = 1000, level: float = 0.95
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
    areas = _weighted_areas(labels, scores, times_drawn[:, patient_of_film].astype(np.float64))
    areas = areas[~np.isnan(areas)]
    if areas.size == 0:
        raise ValueError("no draw of patients held both classes")
    tail = (1 - level) / 2
    low, high = np.quantile(areas, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _weighted_areas(labels: Labels, scores: Scores, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas under the ROC curve for each row of `weights` (draws, n); NaN where a class has no weight."""
    if labels.all() or not labels.any():
        raise ValueError(f"the area under the curve needs both classes, got {int(labels.sum())} of {len(labels)}")
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    positive = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * ~labels[order], starts, axis=1)
    negative_below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (negative_below + negative / 2)).sum(axis=1)
    comparisons = positive.sum(axis=1) * negative.sum(axis=1)
    areas: NDArray[np.float64] = np.divide(wins, comparisons, out=np.full(len(weights), np.nan), where=comparisons > 0)
    return areas


def expected_calibration_error(labels: Labels, probabilities: Scores, *, bins: int = 10) -> float:
    """Mean distance between predicted probability and observed share, over equally wide bins, weighted by films."""
    bin_of_film = np.minimum((probabilities * bins).astype(int), bins - 1)
    counts = np.bincount(bin_of_film, minlength=bins)
    predicted = np.bincount(bin_of_film, weights=probabilities, minlength=bins)
    observed = np.bincount(bin_of_film, weights=labels.astype(np.float64), minlength=bins)
    return float(np.abs(predicted - observed).sum() / counts.sum())


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
