"""What one style transfer is asked to do; the stylizer obeys it, a policy lists it, a record keeps it."""

import math
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import InvalidInputError

LAYERS = ("conv_1", "conv_2", "conv_3", "conv_4", "conv_5")
"""The first five convolutions of VGG in depth order: conv1_1, conv1_2, conv2_1, conv2_2, conv3_1."""

MAXIMUM_STEPS = 10_000
COMPAT_BLOCK = 20
"""Evaluations that one call of `torch.optim.LBFGS.step` makes."""


class Region(StrEnum):
    """The part of the films that features are taken from and that may change."""

    FILM = "film"
    BREAST = "breast"
    LESION = "lesion"

    @property
    def masked(self) -> bool:
        """Whether this region needs the masks of content and style."""
        return self is not Region.FILM


class Optimizer(StrEnum):
    """How pixels are kept within black and white during the optimisation.

    `unclamped` clamps only what is handed out. `compat` clamps inside every evaluation, as the paper's code does, which
    breaks the curvature pairs: the loss falls at first and then grows.
    """

    UNCLAMPED = "unclamped"
    COMPAT = "compat"


class LossConvention(StrEnum):
    """How losses are normalised: means as in the PyTorch tutorial, or sums as in Gatys et al., Eq. 1 to 5."""

    TUTORIAL = "tutorial"
    GATYS = "gatys"


def compat_steps(steps: int) -> int:
    """Evaluations that the tutorial's loop makes when it is asked for `steps`: 250 becomes 260.

    Its loop runs whole blocks of 20 as long as no more than `steps` were made.
    """
    return COMPAT_BLOCK * (steps // COMPAT_BLOCK + 1)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one trajectory minimises, and for how long.

    Attributes:
        content_layer: layer whose features keep the content, "conv_1" to "conv_5".
        style_layers: layers whose Gram matrices carry the style, each once, at least one.
        content_weight: weight of the content loss, 0 or more.
        style_weight: weight of the style loss, 0 or more; one of the two weights is positive.
        region: part of the films that counts and that may change.
        optimizer: `unclamped`, or `compat` with the paper's code.
        loss_convention: how losses are normalised.
        steps: evaluations of the objective until the end, 1 to 10000; `compat` rounds them up.

    Raises:
        InvalidInputError: naming the field, what was found and what is needed.

    """

    content_layer: str = "conv_5"
    style_layers: tuple[str, ...] = LAYERS
    content_weight: float = 1.0
    style_weight: float = 1e5
    region: Region = Region.FILM
    optimizer: Optimizer = Optimizer.UNCLAMPED
    loss_convention: LossConvention = LossConvention.TUTORIAL
    steps: int = 250

    def __post_init__(self) -> None:
        """Take names for enumerations, and refuse what cannot be optimised."""
        for field, kind in (("region", Region), ("optimizer", Optimizer), ("loss_convention", LossConvention)):
            object.__setattr__(self, field, _named(field, kind, getattr(self, field)))
        _validate_layers("recipe.content_layer", (self.content_layer,))
        _validate_layers("recipe.style_layers", self.style_layers)
        _validate_weight("recipe.content_weight", self.content_weight)
        _validate_weight("recipe.style_weight", self.style_weight)
        if self.content_weight == self.style_weight == 0:
            raise InvalidInputError("recipe: found content_weight and style_weight 0, needed one of them above 0")
        if not 1 <= self.steps <= MAXIMUM_STEPS:
            raise InvalidInputError(f"recipe.steps: found {self.steps}, needed 1 to {MAXIMUM_STEPS}")

    def evaluations(self, steps: int) -> int:
        """Evaluations that are made when `steps` are asked for."""
        return compat_steps(steps) if self.optimizer is Optimizer.COMPAT else steps


def _named(field: str, kind: type[StrEnum], value: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError as error:
        raise InvalidInputError(f"recipe.{field}: found {value!r}, needed one of {', '.join(kind)}") from error


def _validate_layers(field: str, layers: tuple[str, ...]) -> None:
    if not layers:
        raise InvalidInputError(f"{field}: found none, needed at least one of {', '.join(LAYERS)}")
    for layer in layers:
        if layer not in LAYERS:
            raise InvalidInputError(f"{field}: found {layer!r}, needed one of {', '.join(LAYERS)}")
    if len(set(layers)) != len(layers):
        raise InvalidInputError(f"{field}: found {', '.join(layers)}, needed each layer once")


def _validate_weight(field: str, weight: float) -> None:
    if not (math.isfinite(weight) and weight >= 0):
        raise InvalidInputError(f"{field}: found {weight}, needed a finite number, 0 or more")
