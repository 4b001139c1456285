"""The three model services over gRPC: which models they serve, trajectories, scores."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mammosynth.pixels import from_image, to_image, to_mask
from mammosynth.v1 import (
    anomaly_pb2,
    anomaly_pb2_grpc,
    classifier_pb2,
    classifier_pb2_grpc,
    model_pb2,
    stylizer_pb2,
    stylizer_pb2_grpc,
)

from services.orchestrator.faults import Patience, is_fault
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import PairFilms, Scored, Snapshot
from shared.errors import (
    InternalError,
    MammosynthError,
    ModelError,
    ModelMismatchError,
    UnavailableError,
    UnfinishedPairsError,
)
from shared.images import Film, Mask
from shared.record import Model, Scores
from shared.rpc.channel import open_channel
from shared.rpc.recipes import to_message

SERVICES = ("stylizer", "anomaly", "classifier")


@dataclass(frozen=True)
class PeerFacts:
    """What the services say of themselves when a run starts."""

    models: dict[str, Model]
    """By service."""
    thresholds: dict[str, dict[str, float]]
    """Of the two gates, by service and name."""
    default_thresholds: dict[str, str]
    input_sizes: dict[str, int]
    training_sets: dict[str, str]
    slots: int
    """Films that one stylizer works on at once."""
    queue_limit: int
    """Trajectories that one stylizer lets wait."""


class GrpcPeers:
    """Calls the three services; refuses answers of other models than those that a run was pinned to."""

    def __init__(
        self, addresses: dict[str, str], *, trajectory_timeout_s: float, patience: Patience | None = None
    ) -> None:
        """Open channels; use it as an async context manager, within a running event loop.

        Args:
            addresses: by service, `host:port` or `dns:///name:port`.
            trajectory_timeout_s: deadline of one trajectory, waiting for a slot included, in seconds.
            patience: how often a scoring call is made again after a fault.

        """
        self._channels = {name: open_channel(addresses[name]) for name in SERVICES}
        self._stylizer = stylizer_pb2_grpc.StylizerServiceStub(self._channels["stylizer"])
        self._anomaly = anomaly_pb2_grpc.AnomalyServiceStub(self._channels["anomaly"])
        self._classifier = classifier_pb2_grpc.ClassifierServiceStub(self._channels["classifier"])
        self._timeout_s = trajectory_timeout_s
        self._patience = patience or Patience()
        self._pinned: dict[str, Model] = {}

    async def __aenter__(self) -> "GrpcPeers":
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel in self._channels.values():
            await channel.close()

    async def facts(self, *, timeout_s: float) -> PeerFacts:
        """Ask all three what they serve; waits until they are ready, `timeout_s` seconds at most."""
        stylizer, anomaly, classifier = await asyncio.gather(
            self._stylizer.Info(stylizer_pb2.StylizerServiceInfoRequest(), timeout=timeout_s),
            self._anomaly.Info(anomaly_pb2.AnomalyServiceInfoRequest(), timeout=timeout_s),
            self._classifier.Info(classifier_pb2.ClassifierServiceInfoRequest(), timeout=timeout_s),
        )
        gates = {"anomaly": anomaly.model, "classifier": classifier.model}
        return PeerFacts(
            models={
                "stylizer": _model(stylizer.trunk),
                **{name: _model(description.identity) for name, description in gates.items()},
            },
            thresholds={name: dict(description.thresholds) for name, description in gates.items()},
            default_thresholds={name: description.default_threshold for name, description in gates.items()},
            input_sizes={name: description.input_size for name, description in gates.items()},
            training_sets={name: description.training_set_sha256 for name, description in gates.items()},
            slots=stylizer.numerics.slots,
            queue_limit=stylizer.queue_limit,
        )

    def pin(self, models: dict[str, Model]) -> None:
        """Refuse answers of other models from now on."""
        self._pinned = dict(models)

    @asynccontextmanager
    async def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[AsyncIterator[Snapshot]]:
        """Start a trajectory; leaving the context stops it within one step."""
        masked = plan.recipe.region.masked
        request = stylizer_pb2.StylizeRequest(
            content=to_image(films.content),
            style=to_image(films.style),
            content_mask=to_mask(films.content_mask) if masked else None,
            style_mask=to_mask(films.style_mask) if masked else None,
            recipe=to_message(plan.recipe),
            snapshot_steps=plan.steps,
        )
        call = self._stylizer.Stylize(request, timeout=self._timeout_s)
        snapshots = self._snapshots(call, plan.steps)
        try:
            yield snapshots
        finally:
            call.cancel()
            await snapshots.aclose()

    async def _snapshots(self, call: Any, steps: tuple[int, ...]) -> AsyncGenerator[Snapshot, None]:
        remaining = list(steps)
        async for response in call:
            self._check("stylizer", response.model)
            if not remaining or response.steps != remaining.pop(0):
                raise InternalError(f"stylizer: found a snapshot after {response.steps} steps, needed those of {steps}")
            yield _snapshot(response)
        if remaining:
            raise UnavailableError(
                f"stylizer: the stream ended after {len(steps) - len(remaining)} of {len(steps)} snapshots"
            )

    async def score(self, film: Film, mask: Mask) -> Scored:
        """Ask both gates at once.

        Raises:
            UnfinishedPairsError: a fault that outlasted the patience.
            ModelError: if a score is no finite number.

        """
        image, breast = to_image(film), to_mask(mask)
        anomaly, classified = await asyncio.gather(
            self._call("anomaly", self._anomaly.Score, anomaly_pb2.ScoreRequest(image=image, mask=breast)),
            self._call(
                "classifier", self._classifier.Classify, classifier_pb2.ClassifyRequest(image=image, mask=breast)
            ),
        )
        scores = Scores(anomaly=anomaly.score, probability=classified.probability, logit=classified.logit)
        if not all(map(math.isfinite, (scores.anomaly, scores.probability, scores.logit))):
            # No decision can rest on it, and asking again gives the same: the pair must not be given up in silence.
            raise ModelError(f"anomaly, classifier: found {scores}, needed finite numbers")
        return Scored(
            scores,
            {"anomaly": _numerics(anomaly.numerics), "classifier": _numerics(classified.numerics)},
        )

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
        pinned = self._pinned.get(service)
        if pinned is not None and found.sha256 != pinned.sha256:
            raise ModelMismatchError(
                f"{service}: found the model {found.name} with sha256 {found.sha256}, "
                f"needed {pinned.name} with sha256 {pinned.sha256}"
            )


def _snapshot(response: stylizer_pb2.StylizeResponse) -> Snapshot:
    try:
        film = from_image(response.image)
    except ValueError as error:
        raise InternalError(f"stylizer: snapshot: {error}") from error
    return Snapshot(
        steps=response.steps,
        evaluations=response.evaluations,
        film=film,
        loss=response.loss,
        content_loss=response.content_loss,
        style_loss=response.style_loss,
        mean_absolute_change=response.mean_absolute_change,
        numerics=_numerics(response.numerics),
    )


def _model(identity: model_pb2.ModelIdentity) -> Model:
    return Model(name=identity.name, sha256=identity.sha256)


def _numerics(message: model_pb2.Numerics) -> dict[str, Any]:
    return {
        "device_kind": message.device_kind,
        "dtype": message.dtype,
        "slots": message.slots,
        "threads": message.threads,
        "instruction_set": message.instruction_set,
        "versions": dict(sorted(message.versions.items())),
    }
