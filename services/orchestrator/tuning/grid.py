"""The recipes of a sweep: every combination of the values asked for."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from services.orchestrator.policy import Policy
from shared.errors import ConfigurationError, InvalidInputError
from shared.recipe import LAYERS, Recipe, Region

ALL_LAYERS = "all"


def make_grid(
    policy: Policy,
    *,
    regions: Sequence[str],
    content_layers: Sequence[str],
    style_layers: Sequence[str],
    content_weights: Sequence[float],
    style_weights: Sequence[float],
    steps: Sequence[int],
) -> tuple[Recipe, ...]:
    """Every combination once, in the order given; the steps of each are the most that are asked for.

    Args:
        policy: optimiser and loss convention.
        regions: "film", "breast".
        content_layers: "conv_1" to "conv_5".
        style_layers: "all", or names joined by "+": the layers that carry style together.
        content_weights: 0 or more.
        style_weights: 0 or more.
        steps: numbers of evaluations at which films are looked at.

    Raises:
        ConfigurationError: naming the option, what was found and what is needed.

    """
    options: dict[str, Sequence[object]] = {
        "--regions": regions,
        "--content-layers": content_layers,
        "--style-layers": style_layers,
        "--content-weights": content_weights,
        "--style-weights": style_weights,
        "--steps": steps,
    }
    for option, values in options.items():
        if not values or len(set(values)) != len(values):
            raise ConfigurationError(
                f"{option}: found {', '.join(map(str, values)) or 'none'}, needed values, each once"
            )
    recipes = []
    for region, content_layer, style, content_weight, style_weight in product(
        regions, content_layers, style_layers, content_weights, style_weights
    ):
        try:
            recipe = Recipe(
                content_layer=content_layer,
                style_layers=_layers(style),
                content_weight=content_weight,
                style_weight=style_weight,
                region=Region(region),
                optimizer=policy.optimizer,
                loss_convention=policy.loss_convention,
                steps=max(steps),
            )
            for fewer in steps:
                replace(recipe, steps=fewer)
        except (InvalidInputError, ValueError) as error:
            raise ConfigurationError(f"grid: {error}") from error
        recipes.append(recipe)
    return tuple(recipes)


def recipe_name(recipe: Recipe) -> str:
    """Name of a recipe whatever its steps, fit for a file: "breast-conv_5-c1-s100000-all"."""
    style = ALL_LAYERS if set(recipe.style_layers) == set(LAYERS) else "+".join(recipe.style_layers)
    weights = f"c{_number(recipe.content_weight)}-s{_number(recipe.style_weight)}"
    return f"{recipe.region}-{recipe.content_layer}-{weights}-{style}"


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _layers(text: str) -> tuple[str, ...]:
    return LAYERS if text == ALL_LAYERS else tuple(part.strip() for part in text.split("+"))
