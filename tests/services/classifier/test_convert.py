"""Classifications as messages."""

from mammosynth.models import ScorerInfo
from mammosynth.results import Classification as Read
from mammosynth.v1 import classifier_pb2

from services.classifier.classifier import Classification
from services.classifier.convert import to_info, to_response
from shared.descriptions import ModelDescription, ModelIdentity
from shared.numerics import Numerics
from shared.recipe import Region

IDENTITY = ModelIdentity(name="resnet", sha256="ab" * 32)
NUMERICS = Numerics(
    device_kind="cpu",
    dtype="float32",
    slots=2,
    threads=1,
    instruction_set="AVX2",
    versions={"mammosynth": "1.2"},
)
DESCRIPTION = ModelDescription(
    identity=IDENTITY,
    input_size=64,
    region=Region.FILM,
    thresholds={"cutoff": 0.7},
    default_threshold="cutoff",
    training_set_sha256="cd" * 32,
)


def test_a_classification_arrives_as_it_was_computed() -> None:
    response = to_response(Classification(0.1234567, -1.96), IDENTITY, NUMERICS)
    read = Read.from_message(classifier_pb2.ClassifyResponse.FromString(response.SerializeToString()))
    assert (read.probability, read.logit) == (0.1234567, -1.96)
    assert (read.model.name, read.model.sha256, read.numerics.slots) == ("resnet", "ab" * 32, 2)


def test_what_is_served_arrives_as_the_file_tells_it() -> None:
    read = ScorerInfo.from_message(to_info(DESCRIPTION, NUMERICS, queue_limit=9))
    assert (read.model.name, read.input_size, read.region) == ("resnet", 64, "film")
    assert (read.thresholds, read.default_threshold) == ({"cutoff": 0.7}, "cutoff")
    assert (read.queue_limit, read.version) == (9, "1.2")
