"""Answers calls of ClassifierService."""

from typing import Any

from mammosynth.v1 import classifier_pb2, classifier_pb2_grpc

from services.classifier.classifier import Classification, Classifier
from services.classifier.convert import to_info, to_response
from shared.descriptions import ModelDescription
from shared.numerics import Numerics
from shared.scoring.batcher import Batcher
from shared.scoring.preparation import PreparedFilm
from shared.scoring.requests import films_from_request


class ClassifierServicer(classifier_pb2_grpc.ClassifierServiceServicer):
    """Reads a request, has it classified beside others, and writes the answer."""

    def __init__(
        self,
        classifier: Classifier,
        batcher: Batcher[PreparedFilm, Classification],
        *,
        description: ModelDescription,
        numerics: Numerics,
    ) -> None:
        self._classifier = classifier
        self._batcher = batcher
        self._identity = description.identity
        self._numerics = numerics
        self._info = to_info(description, numerics, queue_limit=batcher.limit)

    async def Classify(self, request: classifier_pb2.ClassifyRequest, context: Any) -> classifier_pb2.ClassifyResponse:
        """Classify one film."""
        self._identity.check_name(request.model_name)
        classification = await self._batcher.submit(lambda: self._classifier.prepare(*films_from_request(request)))
        return to_response(classification, self._identity, self._numerics)

    async def Info(
        self,
        request: classifier_pb2.ClassifierServiceInfoRequest,
        context: Any,
    ) -> classifier_pb2.ClassifierServiceInfoResponse:
        """Tell which model is served."""
        return self._info
