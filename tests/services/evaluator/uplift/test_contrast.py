"""The paired test against SciPy and by hand."""

import numpy as np
import pytest
from scipy import stats

from services.evaluator.uplift.contrast import contrast, holm


def test_without_a_share_of_patients_it_is_students_paired_test_over_seeds():
    generator = np.random.default_rng(0)
    ours, theirs = generator.normal(0.72, 0.02, size=6), generator.normal(0.70, 0.02, size=6)
    alone = generator.normal(size=(5000, 6))
    alone -= alone.mean(axis=1, keepdims=True)  # seeds that never vary together

    found = contrast(ours - theirs, alone)

    expected = stats.ttest_rel(ours, theirs)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(expected.df)


def test_equal_seeds_leave_the_patients_alone_to_decide():
    shared = np.random.default_rng(1).normal(0.03, 0.02, size=4000)

    found = contrast(np.full(3, 0.03), np.repeat(shared[:, None], 3, axis=1))

    error = float(np.std(shared, ddof=1))
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.p == pytest.approx(2 * stats.norm.sf(0.03 / error), rel=1e-9)


def test_both_variances_count_as_for_readers_and_cases():
    by_seed = np.array([0.01, 0.03, 0.05])
    generator = np.random.default_rng(2)
    drawn = generator.normal(size=(100, 1)) * 0.02 + generator.normal(size=(100, 3)) * 0.01

    found = contrast(by_seed, drawn)

    covariance = np.cov(drawn.T)
    shared = (covariance.sum() - np.trace(covariance)) / 6
    mean_square = np.var(by_seed, ddof=1)
    variance = (mean_square + 3 * shared) / 3
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    assert found.degrees_of_freedom == pytest.approx((mean_square + 3 * shared) ** 2 / (mean_square**2 / 2))


def test_the_smallest_effect_is_what_four_experiments_in_five_would_show():
    generator = np.random.default_rng(3)
    seeds, patients_error = 8, 0.01
    design = contrast(
        generator.normal(0, 0.01, seeds), generator.normal(0, patients_error, size=(4000, 1)) + np.zeros(seeds)
    )
    shown = 0
    for _ in range(400):
        by_seed = design.detectable + generator.normal(0, patients_error) + generator.normal(0, 0.01, seeds)
        drawn = generator.normal(0, patients_error, size=(200, 1)) + np.zeros(seeds)
        shown += contrast(by_seed, drawn).p < 0.05
    assert shown / 400 == pytest.approx(0.8, abs=0.1)


def test_arms_that_score_alike_differ_by_nothing_for_certain():
    found = contrast(np.zeros(3), np.zeros((50, 3)))
    assert (found.difference, found.p, found.low, found.high) == (0.0, 1.0, 0.0, 0.0)


def test_draws_without_a_class_are_left_out():
    drawn = np.random.default_rng(4).normal(size=(50, 3))
    spoiled = np.concatenate([drawn, np.full((2, 3), np.nan)])
    by_seed = np.array([0.1, 0.2, 0.4])
    assert contrast(by_seed, spoiled) == contrast(by_seed, drawn)


def test_one_seed_is_no_experiment():
    with pytest.raises(ValueError, match="two or more"):
        contrast(np.array([0.1]), np.zeros((5, 1)))


def test_probabilities_are_corrected_for_their_number_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
