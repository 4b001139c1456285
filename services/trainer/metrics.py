"""How well scores tell two classes apart, with intervals over patients; numpy in, numbers out."""

import numpy as np
from numpy.typing import NDArray

from services.trainer.calibration_curve import expected_calibration_error
from shared.roc import (
    Interval,
    Labels,
    Patients,
    Scores,
    area_under_curve,
    bootstrap_area,
    patient_draws,
    percentile_interval,
)


def bootstrap_share(
    flags: Labels, patients: Patients, *, seed: int, draws: int = 1000, level: float = 0.95
) -> Interval:
    """Percentile interval of the share of films with a flag, bool (n,), whole patients being drawn with replacement."""
    weights = patient_draws(patients, seed=seed, draws=draws)
    return percentile_interval((weights @ flags) / weights.sum(axis=1), level=level)


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
