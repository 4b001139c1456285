"""What one style transfer is asked to do."""

from dataclasses import dataclass
from typing import Any

from mammosynth.v1 import image_pb2, stylizer_pb2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is optimised. What is left out is the service's default: it knows them, this class does not."""

    content_layer: str | None = None
    """Layer whose features keep the content, "conv_1" to "conv_5"."""
    style_layers: tuple[str, ...] = ()
    """Layers whose Gram matrices carry the style, each once."""
    content_weight: float | None = None
    """Weight of the content loss, 0 or more."""
    style_weight: float | None = None
    """Weight of the style loss, 0 or more."""
    region: str | None = None
    """Part of the films that counts and may change: "film", "breast" or "lesion"; the last two need masks."""
    optimizer: str | None = None
    """"unclamped", or "compat" with the paper's code."""
    loss_convention: str | None = None
    """"tutorial" (means) or "gatys" (sums)."""
    steps: int | None = None
    """Evaluations of the objective, 1 to 10000."""

    def __post_init__(self) -> None:
        """Refuse the number that would silently stand for the default.

        Raises:
            ValueError: if steps is 0 or less.

        """
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"recipe.steps: found {self.steps}, needed 1 or more")

    def to_message(self) -> stylizer_pb2.Recipe:
        """Make a message; what is None stays unset.

        Raises:
            ValueError: naming the field whose name nobody knows.

        """
        return stylizer_pb2.Recipe(
            content_layer=self.content_layer or "",
            style_layers=self.style_layers,
            content_weight=self.content_weight,
            style_weight=self.style_weight,
            region=_number(image_pb2.Region, "REGION_", "region", self.region),
            optimizer=_number(stylizer_pb2.Optimizer, "OPTIMIZER_", "optimizer", self.optimizer),
            loss_convention=_number(
                stylizer_pb2.LossConvention, "LOSS_CONVENTION_", "loss_convention", self.loss_convention
            ),
            steps=self.steps or 0,
        )

    @classmethod
    def from_message(cls, message: stylizer_pb2.Recipe) -> "Recipe":
        """Read a message; what is unset becomes None."""
        return cls(
            content_layer=message.content_layer or None,
            style_layers=tuple(message.style_layers),
            content_weight=message.content_weight if message.HasField("content_weight") else None,
            style_weight=message.style_weight if message.HasField("style_weight") else None,
            region=region_name(message.region),
            optimizer=_name(stylizer_pb2.Optimizer, "OPTIMIZER_", message.optimizer),
            loss_convention=_name(stylizer_pb2.LossConvention, "LOSS_CONVENTION_", message.loss_convention),
            steps=message.steps or None,
        )


def region_name(value: int) -> str | None:
    """Name of a region: "film", "breast", "lesion"; None where it is unspecified."""
    return _name(image_pb2.Region, "REGION_", value)


def _number(kind: Any, prefix: str, field: str, name: str | None) -> Any:
    """Number of an enumeration's value; None where there is no name."""
    if name is None:
        return None
    known = [key.removeprefix(prefix).lower() for key in kind.keys()[1:]]
    if name not in known:
        raise ValueError(f"recipe.{field}: found {name!r}, needed one of {', '.join(known)}")
    return kind.Value(f"{prefix}{name.upper()}")


def _name(kind: Any, prefix: str, value: int) -> str | None:
    """Name of an enumeration's value; None where it is unspecified, its digits where it is of a later version."""
    if value == 0:
        return None
    if value not in kind.values():
        return str(value)
    return str(kind.Name(value)).removeprefix(prefix).lower()
