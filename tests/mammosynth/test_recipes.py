"""Recipes as messages, both ways."""

import pytest
from mammosynth.recipes import Recipe, region_name
from mammosynth.v1 import stylizer_pb2

from shared.recipe import LossConvention, Optimizer, Region
from shared.recipe import Recipe as Served
from shared.rpc import recipes

FULL = Recipe(
    content_layer="conv_4",
    style_layers=("conv_1", "conv_3"),
    content_weight=0.0,
    style_weight=2.5,
    region="lesion",
    optimizer="compat",
    loss_convention="gatys",
    steps=30,
)


@pytest.mark.parametrize("recipe", [FULL, Recipe(), Recipe(steps=3)], ids=["full", "empty", "steps"])
def test_a_recipe_survives_the_way_there_and_back(recipe: Recipe) -> None:
    wire = recipe.to_message().SerializeToString()
    assert Recipe.from_message(stylizer_pb2.Recipe.FromString(wire)) == recipe


def test_a_service_reads_what_the_client_wrote() -> None:
    assert recipes.from_message(FULL.to_message()) == Served(
        content_layer="conv_4",
        style_layers=("conv_1", "conv_3"),
        content_weight=0.0,
        style_weight=2.5,
        region=Region.LESION,
        optimizer=Optimizer.COMPAT,
        loss_convention=LossConvention.GATYS,
        steps=30,
    )


def test_a_service_takes_its_defaults_for_what_the_client_left_out() -> None:
    assert recipes.from_message(Recipe().to_message()) == Served()
    assert recipes.from_message(Recipe(content_weight=0.0).to_message()) == Served(content_weight=0.0)


def test_the_client_reads_what_a_service_wrote() -> None:
    assert Recipe.from_message(recipes.to_message(Served(steps=7))).steps == 7


@pytest.mark.parametrize("field", ["region", "optimizer", "loss_convention"])
def test_a_name_that_nobody_knows_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=rf"recipe\.{field}: found 'other', needed one of"):
        Recipe(**{field: "other"}).to_message()


def test_a_region_of_a_later_version_is_told_by_its_number() -> None:
    assert region_name(99) == "99"
