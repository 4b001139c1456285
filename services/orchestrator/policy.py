"""A policy: how films are paired, which recipes are tried in which order, and what the gates demand. Data, no code."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import ConfigurationError, MammosynthError
from shared.recipe import LAYERS, LossConvention, Optimizer, Recipe, Region

MAXIMUM_TRIALS = 7
MODELS_OWN = "default"
"""Name that stands for the threshold that a model file itself calls its default."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Pairing(_Data):
    """How content and style are drawn."""

    content: Literal["uniform", "shuffled"] = "uniform"
    """uniform: any benign film; shuffled: each benign film once before one comes again."""
    style: Literal["uniform", "same_source_and_view"] = "uniform"
    """uniform: any malignant film of another patient; or only those of the content's source and view."""
    style_use_limit: int | None = Field(default=None, ge=1)
    """Pairs that one style film may serve; none if not given."""


class Gates(_Data):
    """What a trial must reach."""

    anomaly: str | Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = MODELS_OWN
    """Highest anomaly score: a number, or the name of a threshold in the model file; `default` is the one that the file
    itself calls its default."""
    detector: Literal["any", "unet", "texture"] = "any"
    """How the anomaly detector must work; a number or a threshold means something for one kind only."""
    classifier: str | Annotated[float, Field(ge=0.0, le=1.0)] = 0.7
    """Lowest probability of malignancy: a number, or the name of a threshold in the model file, or `default`."""
    benign_below: float = Field(default=0.5, gt=0.0, le=1.0)
    """Probability below which a film counts as benign; a content must lie below."""
    minimum_change: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Mean absolute change from the content that a trial must exceed, in units of full scale, over the region."""


class RecipeEntry(_Data):
    """One setting to be tried."""

    content_layer: str = "conv_5"
    """Layer whose features keep the content."""
    style_layers: tuple[str, ...] = LAYERS
    """Layers whose Gram matrices carry the style."""
    content_weight: float = 1.0
    """Weight of the content loss."""
    style_weight: float = 1e5
    """Weight of the style loss."""
    region: Region | None = None
    """Part of the films that counts and may change; the policy's if not given."""
    steps: int = 250
    """Evaluations of the objective."""


class TrajectoryPlan(_Data):
    """Trials that share one optimisation, as they differ in steps alone."""

    recipe: Recipe
    """Its steps are those of the last trial."""
    trials: tuple[int, ...]
    """Trial numbers, from 1."""
    steps: tuple[int, ...]
    """Steps of each of these trials, ascending."""


class Policy(_Data):
    """All that decides which films are made and kept, beside the data set, the seed and the models."""

    name: str
    """Its name."""
    description: str = ""
    """What it is for."""
    size: int | None = Field(default=None, ge=32)
    """Rows and columns of the films it was tuned at, in pixels; any size if not given."""
    pairing: Pairing = Pairing()
    """How content and style are drawn."""
    region: Region = Region.BREAST
    """Part of the films that counts and may change."""
    optimizer: Optimizer = Optimizer.UNCLAMPED
    """How pixels are kept within black and white."""
    loss_convention: LossConvention = LossConvention.TUTORIAL
    """How losses are normalised."""
    placebo_share: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of the pairs that are run a second time with a benign film as style."""
    gates: Gates = Gates()
    """What a trial must reach."""
    recipes: tuple[RecipeEntry, ...] = Field(min_length=1, max_length=MAXIMUM_TRIALS)
    """Settings in the order in which they are tried."""

    @cached_property
    def sha256(self) -> str:
        """Hash over all of it."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def recipe(self, trial: int) -> Recipe:
        """The recipe of a trial, numbered from 1."""
        entry = self.recipes[trial - 1]
        return Recipe(
            content_layer=entry.content_layer,
            style_layers=entry.style_layers,
            content_weight=entry.content_weight,
            style_weight=entry.style_weight,
            region=entry.region or self.region,
            optimizer=self.optimizer,
            loss_convention=self.loss_convention,
            steps=entry.steps,
        )

    @cached_property
    def trajectories(self) -> tuple[TrajectoryPlan, ...]:
        """The optimisations that the trials need: neighbours that differ in steps alone, ascending, share one."""
        plans = []
        numbered = [(trial, self.recipe(trial)) for trial in range(1, len(self.recipes) + 1)]
        for _, same in groupby(numbered, key=lambda item: _without_steps(item[1])):
            group = list(same)
            while group:
                rising = [group.pop(0)]
                while group and group[0][1].steps > rising[-1][1].steps:
                    rising.append(group.pop(0))
                plans.append(
                    TrajectoryPlan(
                        recipe=rising[-1][1],
                        trials=tuple(trial for trial, _ in rising),
                        steps=tuple(recipe.steps for _, recipe in rising),
                    )
                )
        return tuple(plans)


def _without_steps(recipe: Recipe) -> tuple[Any, ...]:
    return tuple(value for name, value in sorted(vars(recipe).items()) if name != "steps")


def shipped_policies() -> tuple[str, ...]:
    """Names of the policies that ship with the package."""
    folder = resources.files("services.orchestrator.policies")
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def load_policy(name: str) -> Policy:
    """Load a shipped policy by its name, or one from the path of a YAML file.

    Raises:
        ConfigurationError: naming the policy, the field, what was found and what is needed.

    """
    if name in shipped_policies():
        text = (resources.files("services.orchestrator.policies") / f"{name}.yaml").read_text(encoding="utf-8")
    elif Path(name).is_file():
        text = _read(name)
    else:
        raise ConfigurationError(f"policy: found {name!r}, needed a file or one of {', '.join(shipped_policies())}")
    try:
        return parse_policy(yaml.safe_load(text), name)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"policy {name}: is no YAML: {error}") from error


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"policy {name}: cannot be read: {error}") from error


def parse_policy(values: object, name: str) -> Policy:
    """Read a policy from plain data.

    Raises:
        ConfigurationError: naming the policy, the field, what was found and what is needed.

    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"policy {name}: found {type(values).__name__}, needed names with values")
    try:
        policy = Policy.model_validate(values)
    except ValidationError as error:
        explained = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: found {item['input']!r}: {item['msg']}" for item in error.errors()
        )
        raise ConfigurationError(f"policy {name}: {explained}") from error
    for trial in range(1, len(policy.recipes) + 1):
        try:
            region = policy.recipe(trial).region
        except MammosynthError as error:
            raise ConfigurationError(f"policy {name}: recipes.{trial - 1}: {error.message}") from error
        if region is Region.LESION:  # its films would be taken with their breast masks
            raise ConfigurationError(f"policy {name}: recipes.{trial - 1}: region: found lesion, needed film or breast")
    return policy
