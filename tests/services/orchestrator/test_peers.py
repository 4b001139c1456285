"""The three services over a real channel on loopback, with servicers that do as a script says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from mammosynth.pixels import from_mask, to_image
from mammosynth.v1 import (
    anomaly_pb2,
    anomaly_pb2_grpc,
    classifier_pb2,
    classifier_pb2_grpc,
    model_pb2,
    stylizer_pb2,
    stylizer_pb2_grpc,
)

from services.orchestrator.faults import Patience
from services.orchestrator.insets import PairFilms
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from shared.errors import (
    DeadlineError,
    InternalError,
    InvalidInputError,
    ModelError,
    ModelMismatchError,
    NumericalError,
    OverloadedError,
    UnavailableError,
    UnfinishedPairsError,
)
from shared.images import from_uint16
from shared.record import Model, Scores
from shared.rpc.interceptors import ErrorServerInterceptor
from shared.rpc.recipes import from_message
from tests.services.orchestrator.made import MODELS, policy

SIDE = 32
FILM = from_uint16(np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) * 60)
MASK = FILM > 0.2
FILMS = PairFilms(content=FILM, content_mask=MASK, style=FILM[::-1].copy(), style_mask=MASK[::-1].copy())
PLAN = policy({"steps": 5}, {"steps": 8, "region": "film"}).trajectories[0]
MASKED = policy({"steps": 5, "region": "breast"}).trajectories[0]
NUMERICS = model_pb2.Numerics(device_kind="cpu", dtype="float32", slots=2, threads=1, versions={"torch": "2", "a": "1"})
OTHER = Model(name="other", sha256="0" * 64)


def identity(model: Model) -> model_pb2.ModelIdentity:
    return model_pb2.ModelIdentity(name=model.name, sha256=model.sha256)


def description(service: str) -> model_pb2.ModelDescription:
    return model_pb2.ModelDescription(
        identity=identity(MODELS[service]),
        input_size=SIDE,
        thresholds={"a": 0.5},
        default_threshold="a",
        training_set_sha256="f" * 64,
        detector="texture" if service == "anomaly" else "",
    )


class Stylizer(stylizer_pb2_grpc.StylizerServiceServicer):
    """Sends the content back at each number of steps, but for what is written over the answers of a call."""

    def __init__(self) -> None:
        self.requests: list[stylizer_pb2.StylizeRequest] = []
        self.answers: list[list[Any]] = []
        """For each call, in order: answers in place of the right ones; errors are raised, None waits for ever."""
        self.ended = asyncio.Event()

    async def Stylize(self, request: stylizer_pb2.StylizeRequest, context: Any) -> AsyncIterator[Any]:
        self.requests.append(request)
        try:
            for answer in self.answers.pop(0) if self.answers else [self.right(steps) for steps in (5, 8)]:
                if answer is None:
                    await asyncio.Event().wait()
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        finally:
            self.ended.set()

    @staticmethod
    def right(steps: int, **changes: Any) -> stylizer_pb2.StylizeResponse:
        values: dict[str, Any] = {
            "image": to_image(FILM),
            "evaluations": 10 * steps,
            "loss": 1.5,
            "content_loss": 0.5,
            "style_loss": 1e-5,
            "mean_absolute_change": 0.25,
            "model": identity(MODELS["stylizer"]),
            "numerics": NUMERICS,
        }
        return stylizer_pb2.StylizeResponse(steps=steps, **(values | changes))

    async def Info(self, request: Any, context: Any) -> Any:
        return stylizer_pb2.StylizerServiceInfoResponse(
            trunk=identity(MODELS["stylizer"]), numerics=NUMERICS, queue_limit=4
        )


class Gate:
    """What both gates do alike: errors and models of the next calls, then the right answer."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.script: list[Any] = []
        self.calls = 0
        self.masks: list[Any] = []

    def next(self, request: Any) -> dict[str, Any]:
        self.calls += 1
        self.masks.append(from_mask(request.mask))
        changes = self.script.pop(0) if self.script else {}
        if isinstance(changes, Exception):
            raise changes
        return {"model": identity(MODELS[self.service]), "numerics": NUMERICS, **changes}


class Anomaly(Gate, anomaly_pb2_grpc.AnomalyServiceServicer):
    async def Score(self, request: Any, context: Any) -> Any:
        return anomaly_pb2.ScoreResponse(**{"score": 0.25, **self.next(request)})

    async def Info(self, request: Any, context: Any) -> Any:
        return anomaly_pb2.AnomalyServiceInfoResponse(model=description("anomaly"))


class Classifier(Gate, classifier_pb2_grpc.ClassifierServiceServicer):
    async def Classify(self, request: Any, context: Any) -> Any:
        return classifier_pb2.ClassifyResponse(**{"probability": 0.75, "logit": 1.1, **self.next(request)})

    async def Info(self, request: Any, context: Any) -> Any:
        return classifier_pb2.ClassifierServiceInfoResponse(model=description("classifier"))


class Served:
    """Peers, and the servicers at the other end."""

    def __init__(self, peers: GrpcPeers, stylizer: Stylizer, anomaly: Anomaly, classifier: Classifier) -> None:
        self.peers = peers
        self.stylizer = stylizer
        self.anomaly = anomaly
        self.classifier = classifier

    async def snapshots(self, plan: TrajectoryPlan = PLAN) -> list[Snapshot]:
        async with self.peers.stylize(FILMS, plan) as snapshots:
            return [snapshot async for snapshot in snapshots]


@asynccontextmanager
async def serving(*, trajectory_timeout_s: float = 10.0, attempts: int = 3) -> AsyncIterator[Served]:
    server = grpc.aio.server(interceptors=[ErrorServerInterceptor()])
    stylizer, anomaly, classifier = Stylizer(), Anomaly("anomaly"), Classifier("classifier")
    stylizer_pb2_grpc.add_StylizerServiceServicer_to_server(stylizer, server)
    anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server(anomaly, server)
    classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(classifier, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    addresses = dict.fromkeys(MODELS, address)
    patience = Patience(attempts=attempts)
    async with GrpcPeers(addresses, trajectory_timeout_s=trajectory_timeout_s, patience=patience) as peers:
        peers.pin(MODELS)
        yield Served(peers, stylizer, anomaly, classifier)
    await server.stop(None)


async def test_the_services_say_what_they_are() -> None:
    async with serving() as served:
        facts = await served.peers.facts(timeout_s=10)
    assert facts.models == MODELS
    assert facts.thresholds == {"anomaly": {"a": 0.5}, "classifier": {"a": 0.5}}
    assert facts.default_thresholds == {"anomaly": "a", "classifier": "a"}
    assert facts.input_sizes == {"anomaly": SIDE, "classifier": SIDE}
    assert facts.training_sets == {"anomaly": "f" * 64, "classifier": "f" * 64}
    assert (facts.slots, facts.queue_limit) == (2, 4)
    assert facts.detector == "texture"


async def test_a_trajectory_arrives_snapshot_by_snapshot() -> None:
    async with serving() as served:
        first, second = await served.snapshots()
    assert (first.steps, second.steps) == (5, 8)
    assert (first.evaluations, first.loss, first.content_loss, first.style_loss) == (50, 1.5, 0.5, 1e-5)
    assert first.mean_absolute_change == 0.25
    assert np.array_equal(first.film, FILM)
    assert first.numerics == {
        "device_kind": "cpu",
        "dtype": "float32",
        "slots": 2,
        "threads": 1,
        "instruction_set": "",
        "versions": {"a": "1", "torch": "2"},
    }
    (request,) = served.stylizer.requests
    assert from_message(request.recipe) == PLAN.recipe
    assert list(request.snapshot_steps) == [5, 8]
    assert request.content == to_image(FILMS.content)
    assert request.style == to_image(FILMS.style)
    assert not request.HasField("content_mask")


async def test_masks_travel_where_the_region_needs_them() -> None:
    async with serving() as served:
        served.stylizer.answers = [[Stylizer.right(5)]]
        await served.snapshots(MASKED)
    (request,) = served.stylizer.requests
    assert np.array_equal(from_mask(request.content_mask), FILMS.content_mask)
    assert np.array_equal(from_mask(request.style_mask), FILMS.style_mask)


async def test_snapshots_of_another_floating_point_type_than_the_pinned_one_are_refused() -> None:
    async with serving() as served:
        facts = await served.peers.facts(timeout_s=10)
        assert facts.dtype == "float32"
        served.peers.pin(MODELS, facts.dtype)
        assert len(await served.snapshots()) == 2
        served.peers.pin(MODELS, "bfloat16")
        with pytest.raises(ModelMismatchError, match="found the floating point type float32, needed bfloat16"):
            await served.snapshots()


BAD_STREAMS: dict[str, tuple[list[Any], type[Exception], str]] = {
    "ends early": ([Stylizer.right(5)], UnavailableError, "ended after 1 of 2 snapshots"),
    "holds nothing": ([], UnavailableError, "ended after 0 of 2 snapshots"),
    "of another model": (
        [Stylizer.right(5, model=identity(OTHER))],
        ModelMismatchError,
        "stylizer: found the model other with sha256 0000.*needed tiny-stylizer",
    ),
    "of another model later": (
        [Stylizer.right(5), Stylizer.right(8, model=identity(OTHER))],
        ModelMismatchError,
        "found the model other",
    ),
    "in another order": ([Stylizer.right(8), Stylizer.right(5)], InternalError, "found a snapshot after 8 steps"),
    "with a snapshot twice": ([Stylizer.right(5), Stylizer.right(5)], InternalError, "found a snapshot after 5 steps"),
    "with one too many": (
        [Stylizer.right(5), Stylizer.right(8), Stylizer.right(8)],
        InternalError,
        "found a snapshot after 8 steps",
    ),
    "without pixels": ([Stylizer.right(5, image=None)], InternalError, "stylizer: snapshot: image"),
    "diverges": ([Stylizer.right(5), NumericalError("found nan")], NumericalError, "found nan"),
    "breaks off": ([Stylizer.right(5), UnavailableError("stopping")], UnavailableError, "stopping"),
    "is refused": ([OverloadedError("full", 2.5)], OverloadedError, "full"),
}


@pytest.mark.parametrize(("answers", "kind", "told"), BAD_STREAMS.values(), ids=BAD_STREAMS.keys())
async def test_a_stream_that_is_not_as_asked_for_is_an_error(
    answers: list[Any], kind: type[Exception], told: str
) -> None:
    async with serving() as served:
        # The transport repeats a call that failed before its first answer by itself.
        served.stylizer.answers = [list(answers) for _ in range(5)]
        with pytest.raises(kind, match=told) as caught:
            await served.snapshots()
    if isinstance(caught.value, OverloadedError):
        assert caught.value.retry_after_s == 2.5


async def test_a_trajectory_that_takes_too_long_is_a_deadline_error() -> None:
    async with serving(trajectory_timeout_s=0.2) as served:
        served.stylizer.answers = [[Stylizer.right(5), None]]
        with pytest.raises(DeadlineError):
            await served.snapshots()


async def test_leaving_a_trajectory_stops_it_at_the_other_end() -> None:
    async with serving() as served:
        served.stylizer.answers = [[Stylizer.right(5), None]]
        async with served.peers.stylize(FILMS, PLAN) as snapshots:
            assert (await anext(aiter(snapshots))).steps == 5
        await asyncio.wait_for(served.stylizer.ended.wait(), 5)


async def test_cancelling_who_waits_for_a_snapshot_stops_the_trajectory_at_the_other_end() -> None:
    async with serving() as served:
        served.stylizer.answers = [[Stylizer.right(5), None]]
        waiting = asyncio.ensure_future(served.snapshots())
        while not served.stylizer.requests:
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(served.stylizer.ended.wait(), 5)


async def test_both_gates_are_asked_about_film_and_mask() -> None:
    async with serving() as served:
        scored = await served.peers.score(FILM, MASK)
    assert scored.scores == Scores(anomaly=0.25, probability=0.75, logit=1.1)
    assert sorted(scored.numerics) == ["anomaly", "classifier"]
    assert scored.numerics["anomaly"]["versions"] == {"a": "1", "torch": "2"}
    for gate in (served.anomaly, served.classifier):
        assert np.array_equal(gate.masks[0], MASK)


HELPED: dict[str, list[Any]] = {
    "late": [DeadlineError("late")],
    "an unforeseen error": [ZeroDivisionError("bug"), ZeroDivisionError("bug")],
    "another model for a while": [{"model": identity(OTHER)}, {"model": identity(OTHER)}],
    "a full queue": [OverloadedError("full", 0.001)] * 8,
}


@pytest.mark.parametrize("service", ["anomaly", "classifier"])
@pytest.mark.parametrize("script", HELPED.values(), ids=HELPED.keys())
async def test_a_gate_that_fails_for_a_while_is_asked_again(service: str, script: list[Any]) -> None:
    async with serving(attempts=3) as served:
        gate: Gate = getattr(served, service)
        gate.script = list(script)
        scored = await served.peers.score(FILM, MASK)
    assert scored.scores == Scores(anomaly=0.25, probability=0.75, logit=1.1)
    assert gate.calls == len(script) + 1


LASTING: dict[str, tuple[Any, str]] = {
    "late": (DeadlineError("late"), "anomaly: still failing after repeated calls: late"),
    "another model": ({"model": identity(OTHER)}, "still failing.*found the model other.*needed tiny-anomaly"),
}


@pytest.mark.parametrize(("answer", "told"), LASTING.values(), ids=LASTING.keys())
async def test_a_gate_that_keeps_failing_ends_the_pair_and_not_only_the_trajectory(answer: Any, told: str) -> None:
    async with serving(attempts=3) as served:
        served.anomaly.script = [answer] * 9
        with pytest.raises(UnfinishedPairsError, match=told):
            await served.peers.score(FILM, MASK)
    assert served.anomaly.calls == 3


async def test_a_film_that_a_gate_refuses_is_not_sent_again() -> None:
    async with serving() as served:
        served.classifier.script = [InvalidInputError("image: too small")]
        with pytest.raises(InvalidInputError, match="image: too small"):
            await served.peers.score(FILM, MASK)
    assert served.classifier.calls == 1


NO_NUMBERS: dict[str, tuple[str, dict[str, float]]] = {
    "anomaly": ("anomaly", {"score": float("nan")}),
    "infinite anomaly": ("anomaly", {"score": float("inf")}),
    "probability": ("classifier", {"probability": float("nan")}),
    "logit": ("classifier", {"logit": float("-inf")}),
}


@pytest.mark.parametrize(("service", "answer"), NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
async def test_a_score_that_is_no_number_is_an_error_and_no_decision(service: str, answer: dict[str, float]) -> None:
    async with serving() as served:
        getattr(served, service).script = [answer]
        with pytest.raises(ModelError, match="needed finite numbers"):
            await served.peers.score(FILM, MASK)


async def test_any_model_may_answer_as_long_as_none_is_pinned() -> None:
    async with serving() as served:
        served.peers.pin({})
        served.stylizer.answers = [[Stylizer.right(steps, model=identity(OTHER)) for steps in (5, 8)]]
        assert len(await served.snapshots()) == 2
