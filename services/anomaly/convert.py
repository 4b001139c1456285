"""Scores and descriptions as messages."""

from mammosynth.pixels import to_image
from mammosynth.v1 import anomaly_pb2

from services.anomaly.detector import Score
from shared.descriptions import ModelDescription, ModelIdentity
from shared.numerics import Numerics
from shared.rpc.descriptions import description_to_message, identity_to_message, numerics_to_message


def to_response(
    score: Score, identity: ModelIdentity, numerics: Numerics, *, with_reconstruction: bool
) -> anomaly_pb2.ScoreResponse:
    """Make the answer to a request."""
    return anomaly_pb2.ScoreResponse(
        score=score.value,
        reconstruction=to_image(score.reconstruction) if with_reconstruction else None,
        model=identity_to_message(identity),
        numerics=numerics_to_message(numerics),
    )


def to_info(
    description: ModelDescription, numerics: Numerics, *, queue_limit: int
) -> anomaly_pb2.AnomalyServiceInfoResponse:
    """Make the answer to `Info`."""
    return anomaly_pb2.AnomalyServiceInfoResponse(
        model=description_to_message(description),
        numerics=numerics_to_message(numerics),
        queue_limit=queue_limit,
        version=numerics.versions["mammosynth"],
    )
