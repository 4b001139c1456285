"""Classifications and descriptions as messages."""

from mammosynth.v1 import classifier_pb2

from services.classifier.classifier import Classification
from shared.descriptions import ModelDescription, ModelIdentity
from shared.numerics import Numerics
from shared.rpc.descriptions import description_to_message, identity_to_message, numerics_to_message


def to_response(
    classification: Classification, identity: ModelIdentity, numerics: Numerics
) -> classifier_pb2.ClassifyResponse:
    """Make the answer to a request."""
    return classifier_pb2.ClassifyResponse(
        probability=classification.probability,
        logit=classification.logit,
        model=identity_to_message(identity),
        numerics=numerics_to_message(numerics),
    )


def to_info(
    description: ModelDescription, numerics: Numerics, *, queue_limit: int
) -> classifier_pb2.ClassifierServiceInfoResponse:
    """Make the answer to `Info`."""
    return classifier_pb2.ClassifierServiceInfoResponse(
        model=description_to_message(description),
        numerics=numerics_to_message(numerics),
        queue_limit=queue_limit,
        version=numerics.versions["mammosynth"],
    )
