"""What is compared: the paper's three axes, each varied alone, and the trajectories that pass through all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from services.orchestrator.configuration import SweepConfiguration
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.tuning.grid import recipe_name
from shared.errors import ConfigurationError, InvalidInputError
from shared.recipe import COMPAT_BLOCK, Optimizer, Recipe, Region

_CURVE_EVERY = 10
"""Evaluations between two points of a loss curve, where there are not too many of them."""
_CURVE_POINTS = 120
"""Of one trajectory at most: each costs a film on the wire."""


class Axis(StrEnum):
    """What is varied while the rest stays as it is."""

    STEPS = "steps"
    CONTENT_WEIGHT = "content_weight"
    CONTENT_LAYER = "content_layer"


@dataclass(frozen=True)
class Setting:
    """One picture of a grid: a recipe, and its place on an axis."""

    axis: Axis
    value: str
    """What the axis has there: "500", "0.1", "conv_5"."""
    recipe: Recipe


@dataclass(frozen=True)
class Trajectory:
    """One optimisation, the steps of it that are shown, and those that are points of a curve."""

    recipe: Recipe
    """With the most steps of those shown."""
    shown: tuple[int, ...]
    """Ascending; their films are kept and scored."""

    @property
    def name(self) -> str:
        """Of its files: "compat-film-conv_5-c1-s100000-all"."""
        return trajectory_name(self.recipe)

    @property
    def plan(self) -> TrajectoryPlan:
        """What the stylizer is asked for: the films shown, and between them points of the loss curve."""
        steps = tuple(sorted({*self.shown, *_curve_steps(self.recipe, self.shown)}))
        return TrajectoryPlan(recipe=self.recipe, trials=tuple(range(1, len(steps) + 1)), steps=steps)


def make_settings(configuration: SweepConfiguration) -> tuple[Setting, ...]:
    """Every value of every axis, by optimiser; a setting that stands on two axes is there twice.

    Raises:
        ConfigurationError: naming the option, what was found and what is needed.

    """
    axes: dict[Axis, Sequence[object]] = {
        Axis.STEPS: configuration.steps,
        Axis.CONTENT_WEIGHT: configuration.content_weights,
        Axis.CONTENT_LAYER: configuration.content_layers,
    }
    given = {"--optimizers": configuration.optimizers, **{_option(axis): values for axis, values in axes.items()}}
    for option, values in given.items():
        if not values or len(set(values)) != len(values):
            found = ", ".join(map(str, values)) or "none"
            raise ConfigurationError(f"{option}: found {found}, needed values, each once")
    try:
        return tuple(
            Setting(axis, _written(value), _recipe(configuration, optimizer, axis, value))
            for optimizer in configuration.optimizers
            for axis, values in axes.items()
            for value in (sorted(configuration.steps) if axis is Axis.STEPS else values)
        )
    except InvalidInputError as error:
        raise ConfigurationError(f"sweep: {error.message}") from error


def make_trajectories(settings: Sequence[Setting]) -> tuple[Trajectory, ...]:
    """Settings that differ in steps alone share a trajectory."""
    ordered = sorted((setting.recipe for setting in settings), key=trajectory_name)
    found = []
    for _, group in groupby(ordered, key=trajectory_name):
        alike = list(group)
        shown = tuple(sorted({recipe.steps for recipe in alike}))
        found.append(Trajectory(replace(alike[0], steps=shown[-1]), shown))
    return tuple(found)


def trajectory_name(recipe: Recipe) -> str:
    """Name of a recipe whatever its steps, fit for a file."""
    return f"{recipe.optimizer}-{recipe_name(recipe)}"


def _recipe(configuration: SweepConfiguration, optimizer: Optimizer, axis: Axis, value: object) -> Recipe:
    fixed = Recipe(
        content_layer=configuration.content_layer,
        content_weight=configuration.content_weight,
        style_weight=configuration.style_weight,
        region=Region(configuration.region),
        optimizer=optimizer,
        steps=configuration.at_steps,
    )
    varied: dict[str, object] = {str(axis): value}
    return replace(fixed, **varied)  # type: ignore[arg-type]  # an axis is the name of a field, its values are the field's


def _curve_steps(recipe: Recipe, shown: tuple[int, ...]) -> list[int]:
    """Steps between those shown, no two of them after the same evaluation: `compat` makes whole blocks of 20."""
    block = COMPAT_BLOCK if recipe.optimizer is Optimizer.COMPAT else 1
    every = max(_CURVE_EVERY, block, -(-recipe.steps // _CURVE_POINTS))
    taken = {recipe.evaluations(steps) for steps in shown}
    candidates = [1, *range(every if block == 1 else every // 2, recipe.steps, every)]
    found = []
    for steps in candidates:
        if steps < recipe.steps and recipe.evaluations(steps) not in taken:
            taken.add(recipe.evaluations(steps))
            found.append(steps)
    return found


def _option(axis: Axis) -> str:
    return {
        Axis.STEPS: "--steps",
        Axis.CONTENT_WEIGHT: "--content-weights",
        Axis.CONTENT_LAYER: "--content-layers",
    }[axis]


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
