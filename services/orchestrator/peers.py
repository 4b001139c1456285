"""The three model services over gRPC: which models they serve, trajectories, scores."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mammosynth.pixels import to_image, to_mask
from mammosynth.v1 import anomaly_pb2, anomaly_pb2_grpc, classifier_pb2, classifier_pb2_grpc, model_pb2

from services.orchestrator.configuration import PeersConfiguration
from services.orchestrator.convert import to_facts, to_numerics
from services.orchestrator.facts import FILM_GATES, GATES, SERVICES, PeerFacts
from services.orchestrator.faults import Patience, is_fault
from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from services.orchestrator.scoring import Scored
from services.orchestrator.stylizer_peer import GrpcStylizer, channel_opener, check_identity
from shared.errors import MammosynthError, ModelError, UnfinishedPairsError
from shared.images import Film, Mask
from shared.record import Model, Scores
from shared.rpc.channel import open_channel

_STUBS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("anomaly", "film_anomaly"), anomaly_pb2_grpc.AnomalyServiceStub),
    **dict.fromkeys(("classifier", "film_classifier"), classifier_pb2_grpc.ClassifierServiceStub),
}
_INFO_REQUESTS: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(("anomaly", "film_anomaly"), anomaly_pb2.AnomalyServiceInfoRequest),
    **dict.fromkeys(("classifier", "film_classifier"), classifier_pb2.ClassifierServiceInfoRequest),
}


class GrpcPeers:
    """Calls the three services, and the two gates of whole films where they have an address.

    Refuses answers of other models than those that a run was pinned to.
    """

    def __init__(
        self,
        addresses: dict[str, str],
        *,
        trajectory_timeout_s: float,
        patience: Patience | None = None,
        open_channel: Callable[[str], Any] = open_channel,
    ) -> None:
        """Open channels; use it as an async context manager, within a running event loop.

        Args:
            addresses: by service, `host:port` or `dns:///name:port`.
            trajectory_timeout_s: deadline of one trajectory, waiting for a slot included, in seconds.
            patience: how often a scoring call is made again after a fault.
            open_channel: opens the channel to an address.

        """
        self._gates = (*GATES, *(FILM_GATES if set(FILM_GATES) <= set(addresses) else ()))
        self._channels = {name: open_channel(addresses[name]) for name in self._gates}
        self._stylizer = GrpcStylizer(
            addresses["stylizer"], trajectory_timeout_s=trajectory_timeout_s, open_channel=open_channel
        )
        self._stubs: dict[str, Any] = {name: _STUBS[name](channel) for name, channel in self._channels.items()}
        self._patience = patience or Patience()
        self._pinned: dict[str, Model] = {}

    @classmethod
    def of(cls, configuration: PeersConfiguration, addresses: dict[str, str]) -> "GrpcPeers":
        """Call running services as the configuration says, and those that were started here in the clear, on loopback.

        Raises:
            ConfigurationError: if a certificate cannot be read.

        """
        running = {getattr(configuration, name) for name in (*SERVICES, *FILM_GATES)}
        return cls(
            addresses,
            trajectory_timeout_s=configuration.trajectory_timeout_s,
            open_channel=channel_opener(configuration, running),
        )

    async def __aenter__(self) -> "GrpcPeers":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stylizer.close()
        for channel in self._channels.values():
            await channel.close()

    async def facts(self, *, timeout_s: float) -> PeerFacts:
        """Ask all of them what they serve; waits until they are ready, `timeout_s` seconds at most."""
        stylizer, anomaly, classifier, *film_gates = await asyncio.gather(
            self._stylizer.info(timeout_s=timeout_s),
            *(self._stubs[name].Info(_INFO_REQUESTS[name](), timeout=timeout_s) for name in self._gates),
        )
        return to_facts(stylizer, anomaly, classifier, *film_gates)

    def pin(self, models: dict[str, Model], dtype: str = "") -> None:
        """Refuse answers of other models from now on, and films of another floating point type unless it is ""."""
        self._pinned = dict(models)
        self._stylizer.pin(models.get("stylizer"), dtype)

    def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AbstractAsyncContextManager[AsyncIterator[Snapshot]]:
        """Start a trajectory; leaving the context stops it within one step."""
        return self._stylizer.stylize(films, plan)

    async def score(self, film: Film, mask: Mask) -> Scored:
        """Ask both gates at once.

        Raises:
            UnfinishedPairsError: a fault that outlasted the patience.
            ModelError: if a score is no finite number.

        """
        return await self._ask(GATES, film, mask)

    async def score_film(self, film: Film, mask: Mask) -> Scored:
        """Ask both gates of whole films at once, where the others are for crops; raises as `score` does."""
        return await self._ask(FILM_GATES, film, mask)

    async def _ask(self, gates: tuple[str, str], film: Film, mask: Mask) -> Scored:
        image, inside = to_image(film), to_mask(mask)
        detector, classifier = gates
        anomaly, classified = await asyncio.gather(
            self._call(detector, self._stubs[detector].Score, anomaly_pb2.ScoreRequest(image=image, mask=inside)),
            self._call(
                classifier, self._stubs[classifier].Classify, classifier_pb2.ClassifyRequest(image=image, mask=inside)
            ),
        )
        scores = Scores(anomaly=anomaly.score, probability=classified.probability, logit=classified.logit)
        if not all(map(math.isfinite, (scores.anomaly, scores.probability, scores.logit))):
            # No decision can rest on it, and asking again gives the same: the pair must not be given up in silence.
            raise ModelError(f"{detector}, {classifier}: found {scores}, needed finite numbers")
        return Scored(scores, {detector: to_numerics(anomaly.numerics), classifier: to_numerics(classified.numerics)})

    async def _call(self, service: str, method: Any, request: Any) -> Any:
        try:
            async for attempt in self._patience.attempts_made():
                with attempt:
                    response = await method(request)
                    self._check(service, response.model)
        except MammosynthError as error:
            if is_fault(error):  # Patience has ended here; the trajectory around this call must not begin it anew.
                raise UnfinishedPairsError(f"{service}: still failing after repeated calls: {error.message}") from error
            raise
        return response

    def _check(self, service: str, found: model_pb2.ModelIdentity) -> None:
        if service in self._pinned:
            check_identity(service, found, self._pinned[service])
