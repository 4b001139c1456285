"""Choosing among settings that add nothing must look like nothing."""

from dataclasses import replace

import numpy as np
import pytest

from services.orchestrator.tuning.held_out import held_out_difference
from services.orchestrator.tuning.ordering import best_order
from services.orchestrator.tuning.outcomes import Outcomes
from services.orchestrator.tuning.policy_file import tune, verdict
from shared.recipe import Recipe
from tests.services.orchestrator.tuning.made_outcomes import ONE, TWO, arm, at, outcomes, unknown

CONTENTS = [f"b{number}" for number in range(12)]


def by_chance(seed: int, *, settings: int = 20, pairs: int = 24) -> Outcomes:
    """Settings that take three pairs in ten with either style, whichever the pair."""
    random = np.random.default_rng(seed)
    recipes = tuple(Recipe(style_weight=float(number + 1), steps=10) for number in range(settings))
    arms = [arm([set(np.flatnonzero(random.random(pairs) < 0.3)) for _ in range(settings)], pairs) for _ in range(2)]
    return Outcomes(tuple(f"b{number}" for number in range(pairs)), recipes, *arms)


def test_luck_is_an_excess_where_it_was_chosen_and_none_where_it_was_not() -> None:
    chosen, held_out = [], []
    for seed in range(12):
        tuned = tune(by_chance(seed))
        assert tuned.held_out is not None
        chosen.append(tuned.difference.mean)
        held_out.append(tuned.held_out.mean)
    assert np.mean(chosen) > 0.2
    assert abs(np.mean(held_out)) < 2.5 * np.std(held_out) / np.sqrt(len(held_out))


def test_what_holds_for_every_content_holds_for_those_left_out() -> None:
    settings = {at(ONE, 10): (range(12), [3]), at(TWO, 10): ([0], [1, 2])}
    found = held_out_difference(outcomes(settings, pairs=12, contents=CONTENTS), best_order)
    assert found is not None
    assert found.mean == pytest.approx(11 / 12)
    assert found.low is not None
    assert found.low > 0.5


def test_pairs_of_one_content_are_left_out_together() -> None:
    # Of each content one pair is taken and one twin: a choice that saw the other pair of a content would look better.
    contents = [f"b{number // 2}" for number in range(12)]
    chosen: list[set[str]] = []

    def choose(rest: Outcomes) -> object:
        chosen.append(set(rest.contents))
        return best_order(rest)

    found = outcomes({at(ONE, 10): (range(0, 12, 2), [])}, pairs=12, contents=contents)
    held_out_difference(found, choose)  # type: ignore[arg-type]
    assert chosen == [set(contents) - {f"b{number}"} for number in range(6)]


def test_a_list_goes_on_where_its_recipe_was() -> None:
    # Chosen without any one content, ONE at 10 and then at 30 takes all pairs that have not been taken.
    settings = {at(ONE, 10): (range(6), []), at(ONE, 30): (range(12), [])}
    found = held_out_difference(outcomes(settings, pairs=12, contents=CONTENTS), best_order)
    assert found is not None
    assert found.mean == 1


def test_nothing_is_said_of_one_content_or_of_outcomes_that_are_not_known() -> None:
    settings = {at(ONE, 10): ([0, 1], [])}
    assert held_out_difference(outcomes(settings, contents=["b"] * 4), best_order) is None
    assert held_out_difference(unknown(outcomes(settings), 2, 0), best_order) is None


def test_the_verdict_tells_both_and_doubts_by_the_one_left_out() -> None:
    tuned = tune(by_chance(3))
    assert f"on contents that recipes were chosen without: {tuned.held_out}" in verdict(tuned)
    assert tuned.difference.low is not None
    assert tuned.difference.low > 0
    assert "The interval holds 0: this may be chance." in verdict(tuned)
    assert "on contents that" not in verdict(replace(tuned, held_out=None))
