from typing import Any

import pytest

from shared.errors import InvalidInputError
from shared.recipe import Optimizer, Recipe, Region, compat_steps


@pytest.mark.parametrize(("asked", "made"), [(250, 260), (150, 160), (300, 320), (500, 520), (19, 20), (20, 40)])
def test_compat_rounds_steps_up_to_the_tutorials_blocks(asked: int, made: int) -> None:
    assert compat_steps(asked) == made
    assert Recipe(optimizer=Optimizer.COMPAT, steps=asked).evaluations(asked) == made
    assert Recipe(steps=asked).evaluations(asked) == asked


def test_names_stand_for_enumerations() -> None:
    values: Any = {"optimizer": "compat", "region": "breast"}
    recipe = Recipe(**values)
    assert recipe.optimizer is Optimizer.COMPAT
    assert recipe.region is Region.BREAST
    assert recipe.evaluations(250) == 260


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"content_layer": "conv_6"}, "content_layer: found 'conv_6'", id="no such layer"),
        pytest.param({"style_layers": ()}, "style_layers: found none", id="no style layer"),
        pytest.param({"style_layers": ("conv_1", "conv_1")}, "needed each layer once", id="layer twice"),
        pytest.param({"content_weight": -1.0}, "content_weight: found -1.0", id="negative weight"),
        pytest.param({"style_weight": float("nan")}, "style_weight: found nan", id="weight not a number"),
        pytest.param({"content_weight": 0.0, "style_weight": 0.0}, "needed one of them above 0", id="no weight"),
        pytest.param({"steps": 0}, "steps: found 0", id="no steps"),
        pytest.param({"steps": 10_001}, "steps: found 10001", id="too many steps"),
        pytest.param({"optimizer": "adam"}, "optimizer: found 'adam'", id="no such optimizer"),
        pytest.param({"region": "axilla"}, "region: found 'axilla'", id="no such region"),
    ],
)
def test_what_cannot_be_optimised_is_refused_by_name(values: Any, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        Recipe(**values)
