"""Recipes as messages: the stylizer reads what the orchestrator writes, and samples carry them to outsiders."""

from collections.abc import Mapping
from typing import Any, TypeVar

from mammosynth.v1 import image_pb2, stylizer_pb2

from shared.errors import InvalidInputError
from shared.recipe import LossConvention, Optimizer, Recipe, Region

_Name = TypeVar("_Name", Region, Optimizer, LossConvention)

_REGIONS = {
    Region.FILM: image_pb2.REGION_FILM,
    Region.BREAST: image_pb2.REGION_BREAST,
    Region.LESION: image_pb2.REGION_LESION,
}
_OPTIMIZERS = {
    Optimizer.UNCLAMPED: stylizer_pb2.OPTIMIZER_UNCLAMPED,
    Optimizer.COMPAT: stylizer_pb2.OPTIMIZER_COMPAT,
}
_CONVENTIONS = {
    LossConvention.TUTORIAL: stylizer_pb2.LOSS_CONVENTION_TUTORIAL,
    LossConvention.GATYS: stylizer_pb2.LOSS_CONVENTION_GATYS,
}


def to_message(recipe: Recipe) -> stylizer_pb2.Recipe:
    """Make a message of a recipe; every field is set."""
    return stylizer_pb2.Recipe(
        content_layer=recipe.content_layer,
        style_layers=recipe.style_layers,
        content_weight=recipe.content_weight,
        style_weight=recipe.style_weight,
        region=_REGIONS[recipe.region],
        optimizer=_OPTIMIZERS[recipe.optimizer],
        loss_convention=_CONVENTIONS[recipe.loss_convention],
        steps=recipe.steps,
    )


def from_message(message: stylizer_pb2.Recipe) -> Recipe:
    """Read a recipe; what is unset takes the default of `Recipe`.

    Raises:
        InvalidInputError: naming the field, what was found and what is needed.

    """
    given: dict[str, Any] = {
        "content_layer": message.content_layer or None,
        "style_layers": tuple(message.style_layers) or None,
        "content_weight": message.content_weight if message.HasField("content_weight") else None,
        "style_weight": message.style_weight if message.HasField("style_weight") else None,
        "region": _named(_REGIONS, message.region, "recipe.region"),
        "optimizer": _named(_OPTIMIZERS, message.optimizer, "recipe.optimizer"),
        "loss_convention": _named(_CONVENTIONS, message.loss_convention, "recipe.loss_convention"),
        "steps": message.steps or None,
    }
    return Recipe(**{field: value for field, value in given.items() if value is not None})


def region_to_message(region: Region) -> image_pb2.Region.ValueType:
    """Make an enumeration value of a region's name."""
    return _REGIONS[region]


def region_from_message(value: int) -> Region | None:
    """Read a region; None where it is unspecified.

    Raises:
        InvalidInputError: if it is none that this build knows.

    """
    return _named(_REGIONS, value, "region")


def _named(names: Mapping[_Name, int], value: int, field: str) -> _Name | None:
    """The name that stands for an enumeration value; None for the unspecified, 0."""
    if value == 0:
        return None
    for name, number in names.items():
        if number == value:
            return name
    raise InvalidInputError(f"{field}: found {value}, needed one of {', '.join(str(name) for name in names)}")
