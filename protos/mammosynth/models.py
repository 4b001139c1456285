"""Who answered: models, and what the bits of an answer depend on."""

from dataclasses import dataclass
from typing import Any

from mammosynth.recipes import region_name
from mammosynth.v1 import generation_pb2, model_pb2, stylizer_pb2


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answered: enough to notice another one."""

    name: str
    sha256: str
    """Of the model file, 64 hexadecimal digits."""

    @classmethod
    def from_message(cls, message: model_pb2.ModelIdentity) -> "ModelIdentity":
        """Read a message."""
        return cls(message.name, message.sha256)


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """What the bits of a result depend on, beside the request."""

    device_kind: str
    """"cpu", or the name of the GPU."""
    dtype: str
    slots: int
    """Films computed together."""
    threads: int
    """Threads within one operation; 0 where the device has none."""
    instruction_set: str
    versions: dict[str, str]

    @classmethod
    def from_message(cls, message: model_pb2.Numerics) -> "Numerics":
        """Read a message."""
        return cls(
            device_kind=message.device_kind,
            dtype=message.dtype,
            slots=message.slots,
            threads=message.threads,
            instruction_set=message.instruction_set,
            versions=dict(message.versions),
        )


@dataclass(frozen=True, kw_only=True)
class ScorerInfo:
    """What a scoring service serves."""

    model: ModelIdentity
    input_size: int
    """Rows and columns of the model's input, in pixels; smaller films are refused."""
    region: str | None
    """Part of the film that counts: "film", or "breast", which needs a mask."""
    thresholds: dict[str, float]
    """Named thresholds, in the unit of the score."""
    default_threshold: str
    metrics: dict[str, float]
    training_set_sha256: str
    detector: str
    """How an anomaly detector works: "unet" or "texture"; empty for a classifier."""
    numerics: Numerics
    queue_limit: int
    version: str
    """Of mammosynth."""

    @classmethod
    def from_message(cls, message: Any) -> "ScorerInfo":
        """Read the answer to `Info` of AnomalyService or ClassifierService."""
        model: model_pb2.ModelDescription = message.model
        return cls(
            model=ModelIdentity.from_message(model.identity),
            input_size=model.input_size,
            region=region_name(model.region),
            thresholds=dict(model.thresholds),
            default_threshold=model.default_threshold,
            metrics=dict(model.metrics),
            training_set_sha256=model.training_set_sha256,
            detector=model.detector,
            numerics=Numerics.from_message(message.numerics),
            queue_limit=message.queue_limit,
            version=message.version,
        )


@dataclass(frozen=True, kw_only=True)
class StylizerInfo:
    """What a stylizer computes with."""

    trunk: ModelIdentity
    numerics: Numerics
    queue_limit: int
    version: str
    """Of mammosynth."""

    @classmethod
    def from_message(cls, message: stylizer_pb2.StylizerServiceInfoResponse) -> "StylizerInfo":
        """Read the answer to `Info`."""
        return cls(
            trunk=ModelIdentity.from_message(message.trunk),
            numerics=Numerics.from_message(message.numerics),
            queue_limit=message.queue_limit,
            version=message.version,
        )


@dataclass(frozen=True, kw_only=True)
class GeneratorInfo:
    """What a generation service makes samples from."""

    dataset_sha256: str
    size: int
    """Rows and columns of the films, in pixels."""
    policies: tuple[str, ...]
    default_policy: str
    anomaly: ModelIdentity
    classifier: ModelIdentity
    trunk: ModelIdentity
    version: str
    """Of mammosynth."""

    @classmethod
    def from_message(cls, message: generation_pb2.GenerationServiceInfoResponse) -> "GeneratorInfo":
        """Read the answer to `Info`."""
        return cls(
            dataset_sha256=message.dataset_sha256,
            size=message.size,
            policies=tuple(message.policies),
            default_policy=message.default_policy,
            anomaly=ModelIdentity.from_message(message.anomaly),
            classifier=ModelIdentity.from_message(message.classifier),
            trunk=ModelIdentity.from_message(message.trunk),
            version=message.version,
        )
