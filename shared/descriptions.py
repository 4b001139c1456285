"""What a service tells of the model that it serves; needs no ONNX, so that callers can read it too."""

from dataclasses import dataclass, field

from shared.errors import ModelMismatchError
from shared.recipe import Region


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which model answered: enough to refuse another one."""

    name: str
    sha256: str
    """Of the model file, 64 hexadecimal digits."""

    def check_name(self, asked: str) -> None:
        """Check that this is the model that was asked for; an empty name asks for any.

        Raises:
            ModelMismatchError: naming both.

        """
        if asked not in ("", self.name):
            raise ModelMismatchError(f"model_name: found {asked!r}, needed {self.name!r}: no other is served here")


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """A scoring model, as its file describes it."""

    identity: ModelIdentity
    input_size: int
    """Rows and columns of the input, in pixels."""
    region: Region
    """Part of the film that the score is taken over: film or breast."""
    thresholds: dict[str, float]
    """Named thresholds, in the unit of the score."""
    default_threshold: str
    """Name of the threshold that is meant when nobody names one."""
    training_set_sha256: str
    metrics: dict[str, float] = field(default_factory=dict)
    detector: str = ""
    """How an anomaly detector works: "unet" or "texture"; empty for a classifier."""
    on: str = "films"
    """What it was trained on: "films", or "lesions", crops around them."""
