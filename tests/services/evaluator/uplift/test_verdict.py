"""The answer, from scores to the sentence; how often it cries help where there is none."""

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from services.evaluator.uplift.analysis import Analysis, Fitted, analyse
from services.evaluator.uplift.arms import Arm, Condition
from services.evaluator.uplift.verdict import Answer, enough_to_test, verdict
from shared.roc import area_under_curve

PATIENTS = np.array([f"p{number // 2}" for number in range(120)])
LABELS = np.arange(120) // 2 % 2 == 0
REAL = {Arm.REAL: 1.0, Arm.OVERSAMPLED: 1.0, Arm.AUGMENTED: 1.0}


def simulate(
    strengths: Mapping[Arm, float],
    *,
    seed: int = 0,
    seeds: int = 4,
    between_seeds: float = 0.1,
    noise: float = 0.6,
    amounts: tuple[float, ...] = (10.0,),
    looks_before: int = 0,
) -> Analysis:
    """Analyse scores of arms that see so much of what tells the classes apart.

    Every arm shares the films' own difficulty, draws of training films differ between arms and seeds, and validation is
    another sample with the arm's true strength.
    """
    generator = np.random.default_rng([7, seed])
    difficulty = generator.normal(size=60)[np.arange(120) // 2] + 0.5 * generator.normal(size=120)
    fits = []
    for amount in amounts:
        for arm, strength in strengths.items():
            condition = Condition(amount, 0.0 if arm in REAL else 1.0, arm)
            for number in range(seeds):
                own = strength + between_seeds * generator.normal()
                scores = own * LABELS + difficulty + noise * generator.normal(size=120)
                validation = float(stats.norm.cdf(own / 2) + 0.03 * generator.normal())
                fits.append(Fitted(condition, number, validation, scores))
    return analyse(fits, LABELS, PATIENTS, specificity=0.9, draws=200, seed=0, looks_before=looks_before)


def answer(analysis: Analysis) -> Answer:
    return verdict(analysis, worthwhile=0.03).answer


@pytest.mark.parametrize(
    ("strength", "settings", "expected"),
    [
        (2.2, {}, Answer.HELPED),
        (0.0, {}, Answer.HARMED),
        (1.0, {"between_seeds": 0.0, "noise": 0.02}, Answer.DID_NOT_HELP),
        (1.0, {"between_seeds": 0.6, "noise": 1.0}, Answer.NOT_ENOUGH_DATA),
    ],
    ids=["better", "worse", "the same for certain", "the same as far as one sees"],
)
def test_every_answer_can_be_given(strength: float, settings: Mapping[str, float], expected: Answer):
    assert answer(simulate(REAL | {Arm.SYNTHETIC: strength}, **settings)) is expected


def test_a_bad_real_arm_that_validation_liked_does_not_make_films_help():
    """The plain arm is worse than the oversampled one, but validation was lucky; the films added nothing."""
    fits = []
    for fit in _fits(simulate_strengths={Arm.REAL: 0.3, Arm.OVERSAMPLED: 1.5, Arm.AUGMENTED: 0.3, Arm.SYNTHETIC: 1.5}):
        lucky = fit.condition.arm is Arm.REAL
        fits.append(Fitted(fit.condition, fit.seed, 0.99 if lucky else fit.validation_auc, fit.test_scores))
    analysis = analyse(fits, LABELS, PATIENTS, specificity=0.9, draws=200, seed=0)
    assert analysis.primary is not None
    assert analysis.primary.low > 0
    assert answer(analysis) is not Answer.HELPED


def _fits(simulate_strengths: Mapping[Arm, float]) -> list[Fitted]:
    generator = np.random.default_rng(11)
    difficulty = generator.normal(size=120)
    return [
        Fitted(
            Condition(10.0, 0.0 if arm in REAL else 1.0, arm),
            seed,
            strength / 10,
            strength * LABELS + difficulty + 0.2 * generator.normal(size=120),
        )
        for arm, strength in simulate_strengths.items()
        for seed in range(4)
    ]


def test_the_arms_of_the_verdict_are_chosen_without_the_test_films():
    fits = _fits({Arm.REAL: 0.5, Arm.OVERSAMPLED: 1.5, Arm.AUGMENTED: 1.0, Arm.SYNTHETIC: 1.0, Arm.BOTH: 2.0})
    swapped = [Fitted(fit.condition, fit.seed, fit.validation_auc, -fit.test_scores) for fit in fits]
    chosen = {10.0: (Condition(10.0, 1.0, Arm.BOTH), Condition(10.0, 0.0, Arm.OVERSAMPLED))}
    for one in (fits, swapped):
        assert analyse(one, LABELS, PATIENTS, specificity=0.9, draws=100, seed=0).chosen == chosen


def test_figures_are_means_over_seeds_of_what_each_seed_has():
    fits = _fits(REAL | {Arm.SYNTHETIC: 1.4})
    analysis = analyse(fits, LABELS, PATIENTS, specificity=0.9, draws=100, seed=0)
    for arm in analysis.arms:
        areas = [area_under_curve(LABELS, fit.test_scores) for fit in fits if fit.condition == arm.condition]
        assert arm.auc.value == pytest.approx(np.mean(areas))
        assert arm.auc.low < arm.auc.value < arm.auc.high
    assert analysis.primary is not None
    by_arm = {arm.condition: np.array(arm.auc_by_seed) for arm in analysis.arms}
    ours, theirs = analysis.chosen[10.0]
    assert analysis.primary.difference == pytest.approx((by_arm[ours] - by_arm[theirs]).mean())


def test_the_primary_figure_is_the_mean_over_amounts():
    both = simulate(REAL | {Arm.SYNTHETIC: 1.5}, amounts=(5.0, 50.0))
    assert both.primary is not None
    areas = {arm.condition: arm.auc.value for arm in both.arms}
    differences = [areas[ours] - areas[theirs] for ours, theirs in both.chosen.values()]
    assert len(differences) == 2
    assert both.primary.difference == pytest.approx(np.mean(differences))


def test_plans_tried_before_widen_the_interval_and_are_told():
    first, third = (simulate(REAL | {Arm.SYNTHETIC: 1.6}, looks_before=looks) for looks in (0, 2))
    assert first.primary is not None
    assert third.primary is not None
    assert third.primary.p == first.primary.p
    assert third.primary.low < first.primary.low
    assert "corrected for 3 plans" in verdict(third, worthwhile=0.03).sentence
    assert "corrected" not in verdict(first, worthwhile=0.03).sentence


def test_help_that_a_placebo_gives_too_is_not_put_down_to_malignant_texture():
    analysis = simulate(REAL | {Arm.SYNTHETIC: 2.4, Arm.PLACEBO: 2.4})
    found = verdict(analysis, worthwhile=0.03)
    assert found.answer is Answer.HELPED
    assert "cannot be put down to malignant texture" in found.placebo
    better = verdict(simulate(REAL | {Arm.SYNTHETIC: 2.6, Arm.PLACEBO: 1.0}), worthwhile=0.03)
    assert better.answer is Answer.HELPED
    assert "cannot be put down" not in better.placebo


def test_other_comparisons_are_corrected_for_their_number():
    analysis = simulate(REAL | {Arm.SYNTHETIC: 1.2, Arm.BOTH: 1.3, Arm.PLACEBO: 1.0})
    assert [(look.ours.arm, look.theirs.arm is Arm.PLACEBO) for look in analysis.looks] == [
        (Arm.BOTH, False),
        (Arm.PLACEBO, False),
        (Arm.SYNTHETIC, False),
        (Arm.SYNTHETIC, True),
    ]
    assert all(look.corrected_p >= look.contrast.p for look in analysis.looks)
    smallest = min(analysis.looks, key=lambda look: look.contrast.p)
    assert smallest.corrected_p == pytest.approx(min(1.0, 4 * smallest.contrast.p))


def test_without_synthetic_films_there_is_nothing_to_say():
    found = verdict(simulate(REAL), worthwhile=0.03)
    assert found.answer is Answer.NOT_ENOUGH_DATA
    assert "synthetic films enough" in found.sentence


def test_few_patients_to_test_on_are_named():
    labels = np.arange(40) < 9
    assert "9 patients with malignant films, 10 are needed" in enough_to_test(labels, np.arange(40).astype(str))
    assert enough_to_test(LABELS, PATIENTS) == ""
    found = verdict(None, worthwhile=0.03, missing="the split test has 9 patients")
    assert found.answer is Answer.NOT_ENOUGH_DATA


@pytest.mark.slow
@pytest.mark.parametrize("between_seeds", [0.0, 0.3], ids=["patients alone vary", "draws of training films vary too"])
@pytest.mark.parametrize(
    "strengths",
    [
        REAL | {Arm.SYNTHETIC: 1.0, Arm.BOTH: 1.0},
        REAL | {Arm.REAL: 0.6, Arm.SYNTHETIC: 1.0, Arm.BOTH: 1.0},
    ],
    ids=["all arms alike", "the plain arm worse"],
)
def test_help_is_claimed_in_at_most_one_of_twenty_simulated_nulls(strengths: Mapping[Arm, float], between_seeds: float):
    claims = sum(
        answer(simulate(strengths, seed=number, seeds=3, between_seeds=between_seeds)) is Answer.HELPED
        for number in range(200)
    )
    assert claims <= 10
