"""Scores as messages."""

import numpy as np
from mammosynth.models import ScorerInfo
from mammosynth.results import Score as Read
from mammosynth.v1 import anomaly_pb2

from services.anomaly.convert import to_info, to_response
from services.anomaly.detector import Score
from shared.descriptions import ModelDescription, ModelIdentity
from shared.numerics import Numerics
from shared.recipe import Region

IDENTITY = ModelIdentity(name="unet", sha256="ab" * 32)
NUMERICS = Numerics(
    device_kind="cpu",
    dtype="float32",
    slots=2,
    threads=1,
    instruction_set="AVX2",
    versions={"mammosynth": "1.2", "onnxruntime": "1.22"},
)
DESCRIPTION = ModelDescription(
    identity=IDENTITY,
    input_size=64,
    region=Region.BREAST,
    thresholds={"training_p95": 0.5},
    default_threshold="training_p95",
    training_set_sha256="cd" * 32,
    metrics={"auc": 0.75},
    detector="texture",
)
FILM = (np.arange(64).reshape(8, 8) / 65535).astype(np.float32)


def test_a_score_arrives_as_it_was_computed() -> None:
    response = to_response(Score(0.1234567, FILM), IDENTITY, NUMERICS, with_reconstruction=True)
    read = Read.from_message(anomaly_pb2.ScoreResponse.FromString(response.SerializeToString()))
    assert read.score == 0.1234567
    np.testing.assert_array_equal(read.reconstruction, FILM)
    assert (read.model.name, read.model.sha256, read.numerics.instruction_set) == ("unet", "ab" * 32, "AVX2")


def test_the_reconstruction_is_left_out_unless_asked_for() -> None:
    response = to_response(Score(0.5, FILM), IDENTITY, NUMERICS, with_reconstruction=False)
    assert not response.HasField("reconstruction")


def test_what_is_served_arrives_as_the_file_tells_it() -> None:
    read = ScorerInfo.from_message(to_info(DESCRIPTION, NUMERICS, queue_limit=9))
    assert (read.model.name, read.input_size, read.region) == ("unet", 64, "breast")
    assert (read.thresholds, read.default_threshold) == ({"training_p95": 0.5}, "training_p95")
    assert read.detector == "texture"
    assert (read.metrics, read.training_set_sha256) == ({"auc": 0.75}, "cd" * 32)
    assert (read.queue_limit, read.version, read.numerics.versions) == (9, "1.2", NUMERICS.versions)
