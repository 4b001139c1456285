"""Settings in numbers, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from services.orchestrator.tuning.outcomes import Difference, Outcomes, describe, empty_arm, paired
from tests.services.orchestrator.tuning.made_outcomes import ONE, THREE, TWO, at, outcomes, unknown


def test_settings_that_differ_in_steps_alone_are_one_trajectory() -> None:
    found = outcomes({at(ONE, 10): ([], []), at(TWO, 10): ([], []), at(ONE, 20): ([], []), at(THREE, 5): ([], [])})
    assert found.trajectories == (0, 1, 0, 2)
    assert found.evaluations == (10, 10, 20, 5)


def test_a_row_says_what_both_kinds_of_style_achieved() -> None:
    (row,) = describe(outcomes({at(ONE, 10): ([0, 1, 2], [0])}))
    assert (row.recipe, row.evaluations, row.pairs) == (at(ONE, 10), 10, 4)
    assert (row.accepted, row.placebo_accepted) == (0.75, 0.25)
    assert row.acceptance_difference == Difference(mean=0.5, low=None, high=None)
    assert row.logit_difference.mean == 0.5
    assert (row.probability, row.placebo_probability) == (0.375, 0.125)
    assert (row.change, row.placebo_change) == (1.0, 0.5)
    assert np.isnan(row.anomaly)


def test_differences_are_over_contents_each_counted_once_with_an_interval_from_five_on() -> None:
    contents = ["a", "a", "b", "c", "d", "e"]
    found = paired(np.array([1.0, 0.0, 0.5, 0.5, 0.5, 0.5]), contents)
    assert found == Difference(mean=0.5, low=0.5, high=0.5)
    spread = paired(np.array([1.0, 1.0, -1.0, 0.0, 0.0, 0.0]), contents)
    assert spread.mean == pytest.approx(0.0)
    assert spread.low is not None
    assert spread.high is not None
    assert spread.low < 0 < spread.high
    assert paired(np.array([1.0, np.nan]), ["a", "b"]).mean == 1.0
    assert np.isnan(paired(np.array([np.nan]), ["a"]).mean)


def test_a_pair_counts_where_both_its_films_are_known() -> None:
    (row,) = describe(unknown(outcomes({at(ONE, 10): ([0, 1, 2], [0, 3])}), 0, 0))
    assert row.pairs == 3
    assert row.accepted == pytest.approx(2 / 3)
    assert row.placebo_accepted == pytest.approx(1 / 3)


def test_a_setting_of_which_nothing_is_known_is_left_out() -> None:
    found = outcomes({at(ONE, 10): ([0], []), at(TWO, 10): ([0], [])}, pairs=1)
    assert [row.recipe for row in describe(unknown(found, 0, 0))] == [at(TWO, 10)]


def test_tables_that_do_not_fit_are_refused() -> None:
    found = outcomes({at(ONE, 10): ([0], [])})
    with pytest.raises(ValueError, match=r"shape \(3, 1\), needed \(4, 1\)"):
        Outcomes(found.contents, found.settings, found.malignant, empty_arm(3, 1))
    with pytest.raises(ValueError, match="needed one"):
        replace(found.malignant, change=np.zeros((1, 1)))


def test_a_difference_is_told_with_its_interval() -> None:
    assert str(Difference(mean=0.5, low=-0.25, high=0.75)) == "+0.50 (95 % interval -0.25 to +0.75)"
    assert str(Difference(mean=0.5, low=None, high=None)) == "+0.50 (no interval: too few contents)"
