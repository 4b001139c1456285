"""A policy: how films are paired, which recipes are tried in which order, and what the gates demand. Data, no code."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

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


class LesionRules(_Data):
    """What applies where the region is lesion: content is a crop around a lesion, and so is the style."""

    content: Literal["benign_lesion", "free_place"] = "benign_lesion"
    """What is changed: a benign lesion, or a place of a benign lesion's breast where none is."""
    placebo: Literal["benign_lesion", "free_place"] = "benign_lesion"
    """Style of the twins: another patient's benign lesion, or a place without a lesion in the breast of the pair's own
    style."""
    brightness_within: float | None = Field(default=None, gt=0.0, le=1.0)
    """Most that the mean brightness of content and style may differ by, in units of full scale; any if not given."""
    size_within: float | None = Field(default=None, ge=1.0)
    """Most times that one lesion may be longer than the other; any if not given."""
    looks_at: Literal["crop", "film"] = "crop"
    """What the gates look at: the crop, by gates that were trained on lesions, or the whole film."""
    film_gates: Gates | None = None
    """What the whole film must reach too, by gates of its own, where the others look at the crop."""

    @model_validator(mode="after")
    def _one_of_a_kind(self) -> Self:
        if self.film_gates is not None and self.looks_at == "film":
            raise ValueError("film_gates: cannot apply where looks_at is film: needed is one of the two")
        return self


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
    """Rows and columns of the films it was tuned at, in pixels; any size if not given. Where the region is lesion, of
    the crops, at the films' own resolution; 224 if not given."""
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
    lesion: LesionRules | None = None
    """What applies where the region is lesion."""
    recipes: tuple[RecipeEntry, ...] = Field(min_length=1, max_length=MAXIMUM_TRIALS)
    """Settings in the order in which they are tried."""

    @model_serializer(mode="wrap")
    def _leave_out_what_does_not_apply(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A policy without rules for lesions is written, and hashed, as it was before there were any."""
        values: dict[str, Any] = write(self)
        if self.lesion is None:
            values.pop("lesion", None)
        return values

    @property
    def on_lesions(self) -> bool:
        """Whether it works on lesions; all its recipes do then."""
        return self.recipe(1).region is Region.LESION

    @property
    def lesion_rules(self) -> LesionRules:
        """What applies to lesions."""
        return self.lesion or LesionRules()

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
    regions = []
    for trial in range(1, len(policy.recipes) + 1):
        try:
            regions.append(policy.recipe(trial).region)
        except MammosynthError as error:
            raise ConfigurationError(f"policy {name}: recipes.{trial - 1}: {error.message}") from error
    on_lesions = {region is Region.LESION for region in regions}
    if len(on_lesions) > 1:
        raise ConfigurationError(
            f"policy {name}: recipes: found regions {', '.join(regions)}, needed lesion for all of them or for none"
        )
    if policy.lesion is not None and not policy.on_lesions:
        raise ConfigurationError(f"policy {name}: lesion: found rules for lesions, needed region lesion")
    return policy
