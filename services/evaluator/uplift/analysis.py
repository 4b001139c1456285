"""From the scores of all fits to figures: arms, the primary comparison, and all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.evaluator.uplift.arms import REAL_ARMS, SYNTHETIC_ARMS, WITHOUT_ADDED, Arm, Condition
from services.evaluator.uplift.contrast import ALPHA, Contrast, contrast, holm
from services.evaluator.uplift.operating_point import at_specificity
from shared.roc import Interval, Labels, Patients, patient_draws, percentile_interval, weighted_areas

Numbers = NDArray[np.float64]

PRIMARY = (
    "Area under the ROC curve on the split test: the arm with synthetic films less the real arm, each the one of its "
    "kind with the highest mean area on the split validation, mean over the amounts of real malignant films and the "
    "seeds."
)
"""The one figure that the verdict is about, named before anything is trained."""


@dataclass(frozen=True)
class Fitted:
    """What one fit came to."""

    condition: Condition
    seed: int
    validation_auc: float
    test_scores: Numbers
    """Of the test films, (n,)."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its percentile bootstrap interval over patients."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ArmFigures:
    """One condition on the test films; means over seeds."""

    condition: Condition
    validation_auc: float
    auc: Estimate
    auc_by_seed: tuple[float, ...]
    sensitivity: Estimate
    precision: Estimate


@dataclass(frozen=True)
class Look:
    """One comparison of two arms at one amount."""

    amount: float
    ours: Condition
    theirs: Condition
    contrast: Contrast
    corrected_p: float
    """By Holm over all looks but the primary one."""


@dataclass(frozen=True)
class Analysis:
    """All figures of an uplift."""

    arms: list[ArmFigures]
    chosen: dict[float, tuple[Condition, Condition]]
    """By amount: the arm with synthetic films and the real arm that validation chose."""
    primary: Contrast | None
    """None where no amount has synthetic films enough."""
    alone: Contrast | None
    """The chosen arms with synthetic films less the same arms without them: validation may choose a real arm that is
    worse than another, and what beats it by drawing the classes evenly has not been helped by films."""
    placebo: Contrast | None
    """The chosen real arm's placebo: mean over the ratios and amounts that have one, less the chosen real arm."""
    over_placebo: Contrast | None
    """Synthetic less placebo at equal numbers of films, mean over the ratios and amounts that have both."""
    looks: list[Look]


class _Scored:
    """Areas of every condition, by seed, on all test films and in each draw of patients."""

    def __init__(self, fits: Sequence[Fitted], labels: Labels, patients: Patients, *, draws: int, seed: int) -> None:
        self.labels = labels
        self.draws = patient_draws(patients, seed=seed, draws=draws)
        self.fits: dict[Condition, list[Fitted]] = {}
        for fit in sorted(fits, key=lambda fit: fit.seed):
            self.fits.setdefault(fit.condition, []).append(fit)
        whole = np.ones((1, len(labels)))
        self.by_seed = {
            condition: np.array([weighted_areas(labels, fit.test_scores, whole)[0] for fit in own])
            for condition, own in self.fits.items()
        }
        self.drawn = {
            condition: np.stack([weighted_areas(labels, fit.test_scores, self.draws) for fit in own], axis=1)
            for condition, own in self.fits.items()
        }

    def validation(self, condition: Condition) -> float:
        return float(np.mean([fit.validation_auc for fit in self.fits[condition]]))

    def best(self, amount: float, arms: Sequence[Arm]) -> Condition | None:
        """The condition that validation likes best; the first of equal ones."""
        there = [one for one in self.fits if one.amount == amount and one.arm in arms]
        return max(there, key=self.validation, default=None)

    def compare(self, pairs: Sequence[tuple[Condition, Condition]], *, alpha: float = ALPHA) -> Contrast | None:
        """Mean difference of pairs of conditions; None where there are none."""
        if not pairs:
            return None
        by_seed = np.mean([self.by_seed[ours] - self.by_seed[theirs] for ours, theirs in pairs], axis=0)
        drawn = np.mean([self.drawn[ours] - self.drawn[theirs] for ours, theirs in pairs], axis=0)
        return contrast(by_seed, drawn, alpha=alpha)

    def figures(self, condition: Condition, specificity: float) -> ArmFigures:
        """Means over seeds with intervals over patients."""
        whole, found = np.ones((1, len(self.labels))), []
        for weights in (whole, self.draws):
            points = [
                at_specificity(self.labels, fit.test_scores, weights, specificity=specificity)
                for fit in self.fits[condition]
            ]
            found.append([np.mean([point[figure] for point in points], axis=0) for figure in (0, 1)])
        (sensitivity, precision), (drawn_sensitivity, drawn_precision) = found
        return ArmFigures(
            condition=condition,
            validation_auc=self.validation(condition),
            auc=_estimate(self.by_seed[condition].mean(), self.drawn[condition].mean(axis=1)),
            auc_by_seed=tuple(self.by_seed[condition].tolist()),
            sensitivity=_estimate(sensitivity[0], drawn_sensitivity),
            precision=_estimate(precision[0], drawn_precision),
        )


def analyse(
    fits: Sequence[Fitted],
    labels: Labels,
    patients: Patients,
    *,
    specificity: float,
    draws: int,
    seed: int,
    looks_before: int = 0,
) -> Analysis:
    """Compare all arms on the test films.

    Args:
        fits: of all conditions, each with the same seeds.
        labels: of the test films.
        patients: of these.
        specificity: at which sensitivity and precision are told.
        draws: of patients, for intervals.
        seed: of these.
        looks_before: other plans that were tried on the same films; the primary test is corrected for them.

    Raises ValueError when `labels` lack a class.

    """
    scored = _Scored(fits, labels, patients, draws=draws, seed=seed)
    amounts = sorted({condition.amount for condition in scored.fits})
    chosen = {}
    for amount in amounts:
        ours, theirs = scored.best(amount, SYNTHETIC_ARMS), scored.best(amount, REAL_ARMS)
        if ours is not None and theirs is not None:
            chosen[amount] = (ours, theirs)
    best_real = {amount: scored.best(amount, REAL_ARMS) for amount in amounts}
    pairs = _pairs(scored.fits, best_real)
    alpha = ALPHA / (1 + looks_before)
    placebos = [pair for pair in pairs if pair[0].arm is Arm.PLACEBO]
    return Analysis(
        arms=[scored.figures(condition, specificity) for condition in sorted(scored.fits)],
        chosen=chosen,
        primary=scored.compare(list(chosen.values()), alpha=alpha),
        alone=scored.compare([_without_added(ours) for ours, _ in chosen.values()], alpha=alpha),
        placebo=scored.compare(placebos),
        over_placebo=scored.compare([pair for pair in pairs if pair[1].arm is Arm.PLACEBO]),
        looks=_looks(scored, pairs),
    )


def _without_added(ours: Condition) -> tuple[Condition, Condition]:
    return ours, Condition(ours.amount, 0.0, WITHOUT_ADDED[ours.arm])


def _pairs(
    fits: Mapping[Condition, object], best_real: Mapping[float, Condition | None]
) -> list[tuple[Condition, Condition]]:
    """All comparisons: each arm with added films with the best real arm, synthetic with placebo at equal numbers."""
    pairs: list[tuple[Condition, Condition]] = []
    for condition in sorted(fits):
        real = best_real[condition.amount]
        if condition.arm not in REAL_ARMS and real is not None:
            pairs.append((condition, real))
        twin = Condition(condition.amount, condition.ratio, Arm.PLACEBO)
        if condition.arm is Arm.SYNTHETIC and twin in fits:
            pairs.append((condition, twin))
    return pairs


def _looks(scored: _Scored, pairs: Sequence[tuple[Condition, Condition]]) -> list[Look]:
    contrasts = [found for pair in pairs if (found := scored.compare([pair])) is not None]
    corrected = holm([found.p for found in contrasts])
    return [
        Look(ours.amount, ours, theirs, found, p)
        for (ours, theirs), found, p in zip(pairs, contrasts, corrected, strict=True)
    ]


def _estimate(value: float, drawn: Numbers) -> Estimate:
    """The value with its interval; no interval, but the value twice, where no draw gave a number."""
    finite = drawn[np.isfinite(drawn)]
    interval = percentile_interval(finite) if finite.size else Interval(float(value), float(value))
    return Estimate(float(value), interval.low, interval.high)
