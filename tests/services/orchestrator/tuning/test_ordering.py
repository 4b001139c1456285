"""Orders by hand: what each trial adds over placebo, of what those before it left, per evaluation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.policy import MAXIMUM_TRIALS
from services.orchestrator.tuning.ordering import best_order, best_trajectories
from services.orchestrator.tuning.outcomes import Outcomes
from shared.recipe import Optimizer, Recipe
from tests.services.orchestrator.tuning.made_outcomes import ONE, THREE, TWO, arm, at, outcomes, unknown


def order(found: Outcomes, **options: int) -> list[Recipe]:
    return [found.settings[choice.setting] for choice in best_order(found, **options).choices]


def test_what_takes_nothing_more_is_left_out() -> None:
    # 0.5 / 10 against 0.75 / 10; after the second nothing that the first would take is left
    found = outcomes({at(ONE, 10): ([0, 1], []), at(TWO, 10): ([0, 1, 2], [])})
    assert order(found) == [at(TWO, 10)]


def test_a_later_trial_counts_for_what_the_earlier_left() -> None:
    # first 0.5 / 10; then of the half that is left TWO takes 0.25 for 0.5 * 20, THREE 0.5 for 0.5 * 20
    found = outcomes({at(ONE, 10): ([0, 1], []), at(TWO, 20): ([1, 2], []), at(THREE, 20): ([2, 3], [])})
    first, second = best_order(found).choices
    assert order(found) == [at(ONE, 10), at(THREE, 20)]
    assert (first.taken, first.evaluations, first.work) == (0.5, 10, 10.0)
    assert (second.taken, second.evaluations, second.work) == (0.5, 20, 10.0)


def test_trials_that_differ_in_steps_alone_cost_only_the_steps_beyond() -> None:
    # together 0.75 for 10 + 0.75 * 20 = 25; either alone 0.025 an evaluation; TWO 0.5 / 30
    found = outcomes({at(ONE, 10): ([0], []), at(ONE, 30): ([0, 1, 2], []), at(TWO, 30): ([0, 3], [])})
    first, second, third = best_order(found).choices
    assert order(found) == [at(ONE, 10), at(ONE, 30), at(TWO, 30)]
    assert [choice.evaluations for choice in (first, second, third)] == [10, 20, 30]
    assert [choice.work for choice in (first, second, third)] == [10.0, 15.0, 7.5]


def test_a_recipe_that_stands_last_goes_on_for_the_steps_beyond() -> None:
    # ONE at 10 first (0.05); then ONE goes on to 30 for 20 (0.25 / 10), TWO would take the same for 30
    found = outcomes({at(ONE, 10): ([0, 1], []), at(ONE, 30): ([0, 1, 2], []), at(TWO, 30): ([2], [])})
    assert order(found) == [at(ONE, 10), at(ONE, 30)]
    assert best_order(found).choices[1].evaluations == 20


def test_a_recipe_that_another_stands_behind_begins_anew() -> None:
    found = outcomes({at(ONE, 10): ([0, 1], []), at(TWO, 10): ([2], []), at(ONE, 80): ([3], [])}, pairs=4)
    assert order(found) == [at(ONE, 10), at(TWO, 10), at(ONE, 80)]
    assert [choice.evaluations for choice in best_order(found).choices] == [10, 10, 80]


def test_what_the_placebo_takes_is_no_gain() -> None:
    # TWO takes more, but so does its placebo: 3 - 3 against 1 - 0
    found = outcomes({at(TWO, 10): ([0, 1, 2], [0, 1, 3]), at(ONE, 10): ([0], [])})
    assert order(found) == [at(ONE, 10)]


def test_twins_that_are_taken_already_count_once() -> None:
    # ONE 2 - 1; then THREE takes one pair more and no other twin; TWO takes one pair and one twin more
    settings = {at(ONE, 10): ([0, 1], [0]), at(TWO, 10): ([2], [1]), at(THREE, 20): ([2], [0])}
    found = best_order(outcomes(settings))
    assert [choice.setting for choice in found.choices] == [0, 2]
    assert [choice.placebo_taken for choice in found.choices] == [0.25, 0.0]
    assert found.left.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert found.placebo_left.tolist() == [0.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "settings",
    [{at(ONE, 10): ([], [])}, {at(ONE, 10): ([0, 1], [2, 3])}, {at(ONE, 10): ([0], [1, 2]), at(TWO, 10): ([], [])}],
    ids=["nothing is accepted", "the placebo is as good", "the placebo is better"],
)
def test_nothing_is_chosen_where_nothing_is_gained(settings: dict[Recipe, tuple[list[int], list[int]]]) -> None:
    assert best_order(outcomes(settings)).choices == ()


def test_of_equals_the_one_that_stands_first_is_taken_and_no_more_steps_than_needed() -> None:
    assert order(outcomes({at(TWO, 10): ([0], []), at(ONE, 10): ([0], [])})) == [at(TWO, 10)]
    assert order(outcomes({at(ONE, 10): ([0], []), at(ONE, 20): ([0], [])})) == [at(ONE, 10)]


def test_a_policy_has_no_more_trials_than_it_may() -> None:
    settings = {at(ONE, steps): ([number], []) for number, steps in enumerate(range(10, 110, 10))}
    found = outcomes(settings, pairs=10)
    assert len(order(found)) == MAXIMUM_TRIALS
    assert order(found, limit=2) == order(found)[:2]


def test_evaluations_are_those_that_the_optimiser_makes() -> None:
    compat = Recipe(optimizer=Optimizer.COMPAT)
    found = outcomes({at(compat, 10): ([0], []), at(compat, 50): ([0, 1, 2, 3], [])})
    assert found.evaluations == (20, 60)
    assert best_order(found).choices[0].work in (20.0, 60.0)


def test_an_outcome_that_is_not_known_is_as_those_that_are() -> None:
    # ONE takes 0 and 1. Of what is left, TWO is known for pair 2 alone and takes it: so it takes pair 3 as well
    found = unknown(outcomes({at(ONE, 10): ([0, 1], []), at(TWO, 20): ([2], [])}), 3, 1)
    choices = best_order(found).choices
    assert [choice.taken for choice in choices] == [0.5, 0.5]
    # where no pair that is left is known, the share of those that are known stands in
    assert [choice.taken for choice in best_order(unknown(found, 2, 1)).choices] == [0.5]


def test_the_best_recipes_are_ranked_by_what_they_add_when_tried_first() -> None:
    settings = {
        at(ONE, 10): ([], []),
        at(ONE, 40): ([0, 1], []),
        at(TWO, 10): ([0], []),
        at(TWO, 40): ([0], [1]),
        at(THREE, 10): ([0], [1]),
        at(THREE, 40): ([], [0]),
    }
    found = outcomes(settings)
    assert [found.settings[setting] for setting in best_trajectories(found, 2)] == [at(TWO, 10), at(ONE, 10)]
    assert len(best_trajectories(found, 9)) == 3


def test_recipes_that_add_nothing_are_ranked_by_the_logit() -> None:
    found = outcomes({at(ONE, 10): ([], []), at(TWO, 10): ([], [])})
    logit = np.array([[0.1, 0.3]] * 4)
    found = replace(found, malignant=replace(found.malignant, logit=logit))
    assert [found.settings[setting] for setting in best_trajectories(found, 2)] == [at(TWO, 10), at(ONE, 10)]


_TAKEN = st.lists(st.sets(st.integers(0, 5)), min_size=6, max_size=6)


@given(ours=_TAKEN, theirs=_TAKEN)
def test_every_choice_adds_and_what_is_taken_is_what_the_list_takes(
    ours: list[set[int]], theirs: list[set[int]]
) -> None:
    settings = tuple(at(recipe, steps) for recipe in (ONE, TWO) for steps in (10, 20, 40))
    found = Outcomes(tuple("abcdef"), settings, arm(list(ours), 6), arm(list(theirs), 6))
    best = best_order(found)
    chosen = [choice.setting for choice in best.choices]
    assert len(set(chosen)) == len(chosen)
    assert 1 - best.left.mean() == pytest.approx(len(set().union(*(ours[i] for i in chosen))) / 6 if chosen else 0)
    assert 1 - best.placebo_left.mean() == pytest.approx(
        len(set().union(*(theirs[i] for i in chosen))) / 6 if chosen else 0
    )
    assert sum(choice.excess for choice in best.choices) >= 0
    single = max((len(a) - len(b)) / 6 for a, b in zip(ours, theirs, strict=True))
    assert bool(chosen) >= (single > 0)
