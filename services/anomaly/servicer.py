"""Answers calls of AnomalyService."""

from typing import Any

from mammosynth.v1 import anomaly_pb2, anomaly_pb2_grpc

from services.anomaly.convert import to_info, to_response
from services.anomaly.detector import AnomalyDetector, Score
from shared.descriptions import ModelDescription
from shared.numerics import Numerics
from shared.scoring.batcher import Batcher
from shared.scoring.preparation import PreparedFilm
from shared.scoring.requests import films_from_request


class AnomalyServicer(anomaly_pb2_grpc.AnomalyServiceServicer):
    """Reads a request, has it scored beside others, and writes the answer."""

    def __init__(
        self,
        detector: AnomalyDetector,
        batcher: Batcher[PreparedFilm, Score],
        *,
        description: ModelDescription,
        numerics: Numerics,
    ) -> None:
        self._detector = detector
        self._batcher = batcher
        self._identity = description.identity
        self._numerics = numerics
        self._info = to_info(description, numerics, queue_limit=batcher.limit)

    async def Score(self, request: anomaly_pb2.ScoreRequest, context: Any) -> anomaly_pb2.ScoreResponse:
        """Score one film."""
        self._identity.check_name(request.model_name)
        score = await self._batcher.submit(lambda: self._detector.prepare(*films_from_request(request)))
        return to_response(score, self._identity, self._numerics, with_reconstruction=request.with_reconstruction)

    async def Info(
        self,
        request: anomaly_pb2.AnomalyServiceInfoRequest,
        context: Any,
    ) -> anomaly_pb2.AnomalyServiceInfoResponse:
        """Tell which model is served."""
        return self._info
