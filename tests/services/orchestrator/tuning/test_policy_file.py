"""Policies as they are written: read back, and honest in words."""

import yaml

from services.orchestrator.policy import Policy, load_policy, parse_policy
from services.orchestrator.tuning.outcomes import Outcomes
from services.orchestrator.tuning.policy_file import policy_yaml, tune, verdict
from tests.services.orchestrator.tuning.made_outcomes import ONE, TWO, at, outcomes

BASE = load_policy("stable")


def written(found: Outcomes) -> Policy:
    text = policy_yaml(tune(found), BASE, name="mine", size=128, origin="Tuned here.")
    return parse_policy(yaml.safe_load(text), "mine")


def test_a_policy_is_read_back_with_its_recipes_in_their_order() -> None:
    found = outcomes({at(ONE, 10): ([0], []), at(ONE, 30): ([0, 1, 2], []), at(TWO, 30): ([0, 3], [])})
    policy = written(found)
    assert [policy.recipe(trial) for trial in (1, 2, 3)] == [at(ONE, 10), at(ONE, 30), at(TWO, 30)]
    assert [plan.steps for plan in policy.trajectories] == [(10, 30), (30,)]
    assert (policy.name, policy.size) == ("mine", 128)
    assert (policy.pairing, policy.gates, policy.optimizer) == (BASE.pairing, BASE.gates, BASE.optimizer)
    assert policy.description.startswith("Tuned here. 100% of pairs accepted, 0% of their placebo twins;")


def test_every_trial_says_what_it_adds() -> None:
    found = outcomes({at(ONE, 10): ([0, 1], [0]), at(TWO, 20): ([2], [])})
    text = policy_yaml(tune(found), BASE, name="mine", size=128, origin="Tuned here.")
    assert (
        "  # 1: takes 50% of pairs, 25% of twins: +25.0% for 10 evaluations of those that come to it, 10.0 a pair"
        in text
    )
    assert (
        "  # 2: takes 25% of pairs, 0% of twins: +25.0% for 20 evaluations of those that come to it, 10.0 a pair"
        in text
    )


def test_a_difference_that_may_be_chance_is_called_so() -> None:
    contents = [f"b{number}" for number in range(8)]
    weak = tune(outcomes({at(ONE, 10): ([0, 1], [2])}, pairs=8, contents=contents))
    assert "The interval holds 0: this may be chance." in verdict(weak)
    strong = tune(outcomes({at(ONE, 10): (range(8), [])}, pairs=8, contents=contents))
    assert "chance" not in verdict(strong)
    assert "+1.00 (95 % interval +1.00 to +1.00); contents: 8; 10 evaluations a pair." in verdict(strong)
    assert "which flatters" in verdict(strong)
    few = tune(outcomes({at(ONE, 10): ([0, 1], [])}))
    assert "Too few contents to tell it from chance." in verdict(few)


def test_a_sweep_that_beats_no_placebo_says_so_and_keeps_what_moves_the_logit_most() -> None:
    found = outcomes({at(ONE, 10): ([0], [0, 1]), at(TWO, 20): ([0], [0])})
    tuned = tune(found)
    assert not tuned.beats_placebo
    policy = written(found)
    assert [policy.recipe(1)] == [at(TWO, 20)]
    assert len(policy.recipes) == 1
    assert "NO RECIPE BEATS THE PLACEBO" in policy.description
    assert "25% of pairs accepted, 25% of their placebo twins" in policy.description
