"""Models and numerics as messages, both ways."""

import pytest
from mammosynth.v1 import model_pb2

from shared.descriptions import ModelDescription, ModelIdentity
from shared.errors import InvalidInputError, ModelMismatchError
from shared.numerics import Numerics
from shared.recipe import Region
from shared.rpc import descriptions

IDENTITY = ModelIdentity(name="unet", sha256="0f" * 32)
DESCRIPTION = ModelDescription(
    identity=IDENTITY,
    input_size=256,
    region=Region.BREAST,
    thresholds={"training_p95": 0.5, "validation_p95": 0.6},
    default_threshold="validation_p95",
    training_set_sha256="ab" * 32,
    metrics={"auc": 0.75},
    detector="texture",
    on="lesions",
)
NUMERICS = Numerics(
    device_kind="cpu", dtype="float32", slots=2, threads=1, instruction_set="AVX2", versions={"numpy": "2.0"}
)


def test_what_is_told_of_a_model_arrives_whole() -> None:
    wire = descriptions.description_to_message(DESCRIPTION).SerializeToString()
    assert descriptions.description_from_message(model_pb2.ModelDescription.FromString(wire)) == DESCRIPTION


def test_what_results_depend_on_arrives_whole() -> None:
    wire = descriptions.numerics_to_message(NUMERICS).SerializeToString()
    assert descriptions.numerics_from_message(model_pb2.Numerics.FromString(wire)) == NUMERICS


def test_a_description_without_a_region_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="region: found none"):
        descriptions.description_from_message(model_pb2.ModelDescription(input_size=256))


@pytest.mark.parametrize("name", ["", "unet"])
def test_the_model_that_is_served_may_be_asked_for(name: str) -> None:
    IDENTITY.check_name(name)


def test_another_model_is_refused_by_name() -> None:
    with pytest.raises(ModelMismatchError, match="found 'resnet', needed 'unet'"):
        IDENTITY.check_name("resnet")
