"""Models and numerics as messages: services tell them, callers pin and record them."""

from mammosynth.v1 import model_pb2

from shared.descriptions import ModelDescription, ModelIdentity
from shared.errors import InvalidInputError
from shared.numerics import Numerics
from shared.rpc.recipes import region_from_message, region_to_message


def identity_to_message(identity: ModelIdentity) -> model_pb2.ModelIdentity:
    """Make a message of a model's name and hash."""
    return model_pb2.ModelIdentity(name=identity.name, sha256=identity.sha256)


def identity_from_message(message: model_pb2.ModelIdentity) -> ModelIdentity:
    """Read a model's name and hash."""
    return ModelIdentity(name=message.name, sha256=message.sha256)


def description_to_message(description: ModelDescription) -> model_pb2.ModelDescription:
    """Make a message of what a model's file tells."""
    return model_pb2.ModelDescription(
        identity=identity_to_message(description.identity),
        input_size=description.input_size,
        region=region_to_message(description.region),
        thresholds=description.thresholds,
        default_threshold=description.default_threshold,
        metrics=description.metrics,
        training_set_sha256=description.training_set_sha256,
        detector=description.detector,
        on=description.on,
    )


def description_from_message(message: model_pb2.ModelDescription) -> ModelDescription:
    """Read what a model's file tells.

    Raises:
        InvalidInputError: if the region is unspecified, or none that this build knows.

    """
    region = region_from_message(message.region)
    if region is None:
        raise InvalidInputError("region: found none, needed one of film, breast")
    return ModelDescription(
        identity=identity_from_message(message.identity),
        input_size=message.input_size,
        region=region,
        thresholds=dict(message.thresholds),
        default_threshold=message.default_threshold,
        metrics=dict(message.metrics),
        training_set_sha256=message.training_set_sha256,
        detector=message.detector,
        on=message.on or "films",
    )


def numerics_to_message(numerics: Numerics) -> model_pb2.Numerics:
    """Make a message of what results depend on."""
    return model_pb2.Numerics(
        device_kind=numerics.device_kind,
        dtype=numerics.dtype,
        slots=numerics.slots,
        threads=numerics.threads,
        instruction_set=numerics.instruction_set,
        versions=numerics.versions,
    )


def numerics_from_message(message: model_pb2.Numerics) -> Numerics:
    """Read what results depend on."""
    return Numerics(
        device_kind=message.device_kind,
        dtype=message.dtype,
        slots=message.slots,
        threads=message.threads,
        instruction_set=message.instruction_set,
        versions=dict(message.versions),
    )
