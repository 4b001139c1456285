"""The paper's recipes, and the trajectories that they share."""

from pathlib import Path
from typing import Any

import pytest

from services.orchestrator.configuration import SweepConfiguration
from services.orchestrator.sweep.settings import Axis, make_settings, make_trajectories
from shared.errors import ConfigurationError
from shared.recipe import LAYERS, Optimizer


def configuration(**changes: Any) -> SweepConfiguration:
    return SweepConfiguration(**({"dataset": Path("films"), "output": Path("out")} | changes))


def test_the_defaults_are_the_papers_sixteen_recipes_with_both_optimisers() -> None:
    settings = make_settings(configuration())
    for optimizer in Optimizer:
        mine = [setting for setting in settings if setting.recipe.optimizer is optimizer]
        assert len(mine) == 16
        by_axis = {axis: [setting.recipe for setting in mine if setting.axis is axis] for axis in Axis}
        steps, weights, layers = (by_axis[axis] for axis in Axis)
        assert [recipe.steps for recipe in steps] == [150, 300, 500, 650, 1000, 1200]
        assert {(recipe.content_weight, recipe.content_layer) for recipe in steps} == {(1.0, "conv_5")}
        assert [recipe.content_weight for recipe in weights] == [0.1, 1.0, 10.0, 100.0, 200.0]
        assert {(recipe.steps, recipe.content_layer) for recipe in weights} == {(500, "conv_5")}
        assert [recipe.content_layer for recipe in layers] == list(LAYERS)
        assert {(recipe.steps, recipe.content_weight) for recipe in layers} == {(500, 1.0)}
    assert {setting.recipe.style_weight for setting in settings} == {1e5}


def test_one_trajectory_serves_all_steps_and_the_settings_on_two_axes() -> None:
    trajectories = make_trajectories(make_settings(configuration()))
    assert len(trajectories) == 2 * (1 + 4 + 4)
    long = [trajectory for trajectory in trajectories if len(trajectory.shown) > 1]
    assert [trajectory.shown for trajectory in long] == [(150, 300, 500, 650, 1000, 1200)] * 2
    evaluations = [item.recipe.evaluations(item.recipe.steps) for item in trajectories]
    assert sum(evaluations) == 1220 + 8 * 520 + 1200 + 8 * 500


@pytest.mark.parametrize("optimizer", list(Optimizer), ids=str)
@pytest.mark.parametrize("most", [1, 7, 20, 500, 1200, 9999])
def test_a_curve_has_points_between_the_films_and_none_twice(optimizer: Optimizer, most: int) -> None:
    values = {"steps": (most,), "at_steps": most, "optimizers": (optimizer,)}
    for trajectory in make_trajectories(make_settings(configuration(**values))):
        plan = trajectory.plan
        evaluations = [trajectory.recipe.evaluations(steps) for steps in plan.steps]
        assert evaluations == sorted(set(evaluations))
        assert plan.steps[-1] == most
        assert len(plan.steps) == len(plan.trials) <= 130
        assert len(plan.steps) > min(most, 500) / 25


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no steps": ({"steps": ()}, "--steps: found none, needed values, each once"),
    "a weight twice": ({"content_weights": (1.0, 1.0)}, r"--content-weights: found 1.0, 1.0, needed values, each once"),
    "no optimiser": ({"optimizers": ()}, "--optimizers: found none"),
    "an unknown layer": ({"content_layers": ("conv_9",)}, "found 'conv_9', needed one of conv_1"),
    "too many steps": ({"steps": (20_000,)}, "found 20000, needed 1 to 10000"),
    "two weights of nothing": ({"content_weight": 0.0, "style_weight": 0.0}, "needed one of them above 0"),
}


@pytest.mark.parametrize(("changes", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_named(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        make_settings(configuration(**changes))
