"""Grids of recipes."""

from typing import Any

import pytest

from services.orchestrator.tuning.grid import make_grid, recipe_name
from shared.errors import ConfigurationError
from shared.recipe import LAYERS, Optimizer, Recipe, Region
from tests.services.orchestrator.made import policy


def grid(**changes: Any) -> tuple[Recipe, ...]:
    values: dict[str, Any] = {
        "regions": ("breast", "film"),
        "content_layers": ("conv_4", "conv_5"),
        "style_layers": ("all", "conv_1+conv_2"),
        "content_weights": (1.0,),
        "style_weights": (1e3, 1e5),
        "steps": (10, 40, 20),
    }
    return make_grid(policy(optimizer="compat"), **(values | changes))


def test_every_combination_stands_once_in_the_order_given() -> None:
    recipes = grid()
    assert len(set(recipes)) == len(recipes) == 16
    assert recipes[0] == Recipe(
        content_layer="conv_4",
        style_layers=LAYERS,
        content_weight=1.0,
        style_weight=1e3,
        region=Region.BREAST,
        optimizer=Optimizer.COMPAT,
        steps=40,
    )
    assert [recipe.region for recipe in recipes] == [Region.BREAST] * 8 + [Region.FILM] * 8
    assert recipes[2].style_layers == ("conv_1", "conv_2")


def test_every_recipe_has_a_name_of_its_own_that_a_file_may_bear() -> None:
    names = [recipe_name(recipe) for recipe in grid(style_weights=(1e3, 1000.0001, 1e20, 0.1))]
    assert len(set(names)) == len(names)
    assert names[0] == "breast-conv_4-c1-s1000-all"
    assert "breast-conv_4-c1-s0.1-conv_1+conv_2" in names
    assert not any("/" in name for name in names)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"content_layers": ("conv_9",)}, "recipe.content_layer: found 'conv_9', needed one of conv_1"),
        ({"style_layers": ("conv_1+relu",)}, "recipe.style_layers: found 'relu'"),
        ({"regions": ("lung",)}, "lung"),
        ({"content_weights": (0.0,), "style_weights": (0.0,)}, "needed one of them above 0"),
        ({"steps": (0,)}, "recipe.steps: found 0"),
        ({"steps": (10, 20_000)}, "recipe.steps: found 20000"),
        ({"steps": ()}, "--steps: found none"),
        ({"style_weights": (1e3, 1e3)}, "--style-weights: found 1000.0, 1000.0, needed values, each once"),
    ],
    ids=lambda value: None if isinstance(value, str) else ",".join(value),
)
def test_a_value_that_cannot_be_used_is_named(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        grid(**changes)
