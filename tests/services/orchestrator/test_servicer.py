"""`GenerationService` on loopback, as it is served, with peers that do as a script says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from mammosynth.client import Generator, Sample, ServiceError
from mammosynth.v1 import generation_pb2, generation_pb2_grpc

from services.orchestrator.__main__ import SERVICE
from services.orchestrator.facts import PeerFacts
from services.orchestrator.generation import make_generation
from services.orchestrator.servicer import GenerationServicer
from shared.dataset import Dataset, DatasetWriter
from shared.errors import UnfinishedPairsError
from shared.images import from_uint16
from shared.record import Scores
from shared.rpc.server import ServerConfiguration, serve
from tests.services.orchestrator.made import BENIGN, KEPT, MODELS, cohort, policy
from tests.services.orchestrator.scripted_peers import ScriptedPeers

SIZE = 32
REFUSING = 101
FACTS = PeerFacts(
    models=MODELS,
    thresholds={"anomaly": {"validation_p95": 0.5}, "classifier": {"cutoff": 0.7}},
    default_thresholds={"anomaly": "validation_p95", "classifier": "cutoff"},
    input_sizes={"anomaly": SIZE, "classifier": SIZE},
    training_sets={"anomaly": "f" * 64, "classifier": "f" * 64},
    slots=1,
    queue_limit=4,
)
POLICIES = {
    "made": policy(pairing={"content": "shuffled"}),
    "scarce": policy(name="scarce", pairing={"style_use_limit": 2}),
    "large": policy(name="large", size=64),
}


def scores(film: int, trial: int) -> Scores:
    """Originals are benign, whose first pixel is as the others; trials are kept, but those of one content."""
    return BENIGN if trial == film or film == REFUSING else KEPT


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Four benign films and two malignant ones that hold nothing but their number, from 100."""
    writer = DatasetWriter(tmp_path / "dataset", size=SIZE, options={}, seed=0)
    entries = []
    for number, entry in enumerate(cohort(4, 2), start=100):
        pixels = from_uint16(np.full((SIZE, SIZE), number, dtype=np.uint16))
        mask = np.zeros((SIZE, SIZE), dtype=np.bool_)
        mask[: number - 99] = True
        entries.append(replace(entry, sha256=writer.write_film(entry.image_id, pixels, mask)))
    writer.finish(entries)
    return Dataset.open(tmp_path / "dataset")


Serving = Callable[..., Any]


@pytest.fixture
def serving(dataset: Dataset, unused_port: int) -> Serving:
    @asynccontextmanager
    async def start(peers: ScriptedPeers) -> AsyncIterator[Generator]:
        generation = make_generation(dataset, POLICIES["made"], 0, peers, FACTS, any_size=False)
        servicer = GenerationServicer(generation, FACTS, policies=POLICIES, in_flight=3, any_size=False)
        address = f"127.0.0.1:{unused_port}"
        code = asyncio.ensure_future(
            serve(
                configuration=ServerConfiguration(listen=address, drain_s=0),
                register=partial(generation_pb2_grpc.add_GenerationServiceServicer_to_server, servicer),
                services=[SERVICE],
            )
        )
        try:
            with Generator(address) as generator:
                yield generator
        finally:
            code.cancel()
            await asyncio.gather(code, return_exceptions=True)

    return start


async def taken(generator: Generator, **asked: Any) -> list[Sample]:
    def take() -> list[Sample]:
        return list(generator.generate(timeout=30, **asked))

    return await asyncio.to_thread(take)


def at_work() -> int:
    return sum("RetryLoop.work" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def contents(samples: list[Sample]) -> list[str]:
    return [sample.content_image_id for sample in samples]


async def test_a_sample_is_what_a_run_would_have_recorded(serving: Serving, dataset: Dataset) -> None:
    async with serving(ScriptedPeers(scores)) as generator:
        (sample,) = await taken(generator, seed=5, count=1)
    record = sample.record
    assert (record["decision"], record["pair"], record["seed"], record["policy"]) == (
        "accepted",
        sample.pair,
        5,
        "made",
    )
    assert record["dataset_sha256"] == dataset.sha256
    assert record["models"]["anomaly"]["sha256"] == MODELS["anomaly"].sha256
    assert sample.mask is not None
    assert np.array_equal(sample.mask, dataset.mask(sample.content_image_id))
    assert np.array_equal(sample.film[1:], dataset.pixels(sample.content_image_id)[1:])
    assert (sample.probability, sample.content_probability) == (KEPT.probability, BENIGN.probability)
    assert sample.content_patient_id != sample.style_patient_id


async def test_it_sends_as_many_samples_as_were_asked_for_and_stops(serving: Serving) -> None:
    peers = ScriptedPeers(scores)
    async with serving(peers) as generator:
        samples = await taken(generator, count=5)
        await until(lambda: at_work() == 0)
    assert len(samples) == 5
    assert "b1" not in contents(samples), "what the gates refuse is no sample"
    assert [sample.pair for sample in samples] == sorted({sample.pair for sample in samples})
    assert peers.open == 0


async def test_it_ends_after_as_many_pairs_as_may_be_worked_on(serving: Serving) -> None:
    async with serving(ScriptedPeers(scores)) as generator:
        samples = await taken(generator, pair_limit=4)
        assert sorted(contents(samples)) == ["b0", "b2", "b3"], "each content once, one of them in vain"
        assert len(await taken(generator, pair_limit=4, count=2)) == 2


async def test_it_goes_on_from_a_cursor_without_a_repeat(serving: Serving) -> None:
    async with serving(ScriptedPeers(scores)) as generator:
        whole = await taken(generator, seed=3, pair_limit=12)
        parts: list[Sample] = []
        while (first := parts[-1].next_pair if parts else 0) < 12:
            found = await taken(generator, seed=3, first_pair=first, pair_limit=12 - first, count=2)
            if not found:
                break
            parts += found
    assert len(whole) == 9
    assert [sample.record for sample in parts] == [sample.record for sample in whole]


async def test_the_same_request_gives_the_same_samples_and_another_seed_others(serving: Serving) -> None:
    async with serving(ScriptedPeers(scores)) as generator:
        first, again, other = [await taken(generator, seed=seed, pair_limit=8) for seed in (1, 1, 2)]
    assert [sample.record for sample in first] == [sample.record for sample in again]
    assert contents(first) != contents(other)


async def test_it_ends_where_the_policy_leaves_no_style(serving: Serving) -> None:
    async with serving(ScriptedPeers(lambda film, trial: BENIGN if film == trial else KEPT)) as generator:
        samples = await taken(generator, policy="scarce")
    assert [sample.pair for sample in samples] == [0, 1, 2, 3], "two styles, twice each"
    assert {sample.record["policy"] for sample in samples} == {"scarce"}


REFUSED = {
    "an unknown policy": ("wild", "not_found", "NOT_FOUND", "policy: found 'wild', needed one of made, scarce, large"),
    "a policy of another size": ("large", "configuration_invalid", "FAILED_PRECONDITION", "was tuned at 64 pixels"),
}


@pytest.mark.parametrize(("name", "code", "status", "message"), REFUSED.values(), ids=REFUSED)
async def test_a_policy_that_cannot_be_used_is_refused_by_name(
    name: str, code: str, status: str, message: str, serving: Serving
) -> None:
    async with serving(ScriptedPeers(scores)) as generator:
        with pytest.raises(ServiceError, match=message) as caught:
            await taken(generator, policy=name)
        assert (caught.value.code, caught.value.status) == (code, status)
        assert await taken(generator, count=1), "the service goes on"


async def test_a_fault_that_outlasts_patience_ends_the_stream_and_the_cursor_goes_on(serving: Serving) -> None:
    failing_films: set[int] = set()

    def failing(film: int, trial: int) -> Scores:
        if film in failing_films and trial == 1:
            raise UnfinishedPairsError("anomaly: still failing")
        return scores(film, trial)

    parts: list[Sample] = []
    async with serving(ScriptedPeers(failing)) as generator:
        whole = await taken(generator, pair_limit=8)
        failing_films.add(100 + int(whole[2].content_image_id.removeprefix("b")))
        stream = generator.generate(pair_limit=8, timeout=30)
        with pytest.raises(ServiceError, match="still failing") as caught:
            await asyncio.to_thread(lambda: parts.extend(stream))
        assert (caught.value.code, caught.value.status) == ("pairs_unfinished", "ABORTED")
        await until(lambda: at_work() == 0)
        assert len(parts) == 2
        failing_films.clear()
        parts += await taken(generator, first_pair=parts[-1].next_pair, pair_limit=8 - parts[-1].next_pair)
    assert [sample.record for sample in parts] == [sample.record for sample in whole]


async def test_hanging_up_stops_the_pairs_in_progress(serving: Serving) -> None:
    peers = ScriptedPeers(scores)
    peers.blocked = asyncio.Event()
    async with serving(peers) as generator:
        stream = generator.generate(timeout=60)
        reading = asyncio.ensure_future(asyncio.to_thread(lambda: list(stream)))
        await until(lambda: peers.open == 3)
        stream.close()
        await until(lambda: peers.open == 0 and at_work() == 0)
        assert await reading == []


async def test_hanging_up_without_having_read_on_stops_them_too(serving: Serving) -> None:
    peers = ScriptedPeers(lambda film, trial: BENIGN if film == trial else KEPT)
    async with serving(peers) as generator:
        stream = generator.generate(timeout=60)
        await asyncio.to_thread(next, stream)
        stream.close()
        await until(lambda: peers.open == 0 and at_work() == 0)


async def test_a_deadline_that_passes_stops_them_too(serving: Serving) -> None:
    peers = ScriptedPeers(scores)
    peers.blocked = asyncio.Event()
    async with serving(peers) as generator:
        with pytest.raises(ServiceError, match="deadline_exceeded"):
            await asyncio.to_thread(lambda: list(generator.generate(timeout=0.3)))
        await until(lambda: peers.open == 0 and at_work() == 0)


async def test_two_streams_side_by_side_are_each_what_they_are_alone(serving: Serving) -> None:
    peers = ScriptedPeers(scores)
    async with serving(peers) as generator:
        alone = [await taken(generator, seed=seed, pair_limit=8) for seed in (1, 2)]
        together = await asyncio.gather(*(taken(generator, seed=seed, pair_limit=8) for seed in (1, 2)))
    for first, second in zip(alone, together, strict=True):
        assert [sample.record for sample in first] == [sample.record for sample in second]


async def test_a_film_of_the_data_set_is_scored_once_for_all_streams(serving: Serving) -> None:
    peers = ScriptedPeers(scores)
    async with serving(peers) as generator:
        for seed in (1, 2, 3):
            await taken(generator, seed=seed, pair_limit=8)
    originals = [line for line in peers.log if line.startswith("score 10")]
    assert len(originals) == len(set(originals)) == 4


async def test_info_says_what_is_generated_from(serving: Serving, dataset: Dataset) -> None:
    async with serving(ScriptedPeers()) as generator:
        info = await asyncio.to_thread(generator.info)
    assert (info.dataset_sha256, info.size) == (dataset.sha256, SIZE)
    assert (info.policies, info.default_policy) == (("made", "scarce", "large"), "made")
    assert (info.anomaly.name, info.trunk.sha256) == ("tiny-anomaly", MODELS["stylizer"].sha256)


RUN_CALLS = {
    "CreateRun": generation_pb2.CreateRunRequest(request_id="a", pairs=1),
    "GetRun": generation_pb2.GetRunRequest(name="a"),
    "ListRuns": generation_pb2.ListRunsRequest(),
    "WatchRun": generation_pb2.WatchRunRequest(name="a"),
    "CancelRun": generation_pb2.CancelRunRequest(name="a"),
}


@pytest.mark.parametrize(("method", "request_"), RUN_CALLS.items(), ids=RUN_CALLS)
async def test_calls_of_runs_are_not_answered_and_say_so(
    method: str, request_: Any, serving: Serving, unused_port: int
) -> None:
    async with serving(ScriptedPeers()), grpc.aio.insecure_channel(f"127.0.0.1:{unused_port}") as channel:
        call = getattr(generation_pb2_grpc.GenerationServiceStub(channel), method)
        answer = call(request_, timeout=20, wait_for_ready=True)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await (anext(aiter(answer)) if method == "WatchRun" else answer)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "use mammosynth generate" in str(caught.value.details())


async def test_it_is_listed_and_healthy(serving: Serving, unused_port: int) -> None:
    def ask() -> tuple[list[str], Any]:
        with grpc.insecure_channel(f"127.0.0.1:{unused_port}") as channel:
            request = health_pb2.HealthCheckRequest(service=SERVICE)
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=20)
            return list(ProtoReflectionDescriptorDatabase(channel).get_services()), answer.status

    async with serving(ScriptedPeers()) as generator:
        await asyncio.to_thread(generator.info)
        listed, status = await asyncio.to_thread(ask)
    assert "mammosynth.v1.GenerationService" in listed
    assert status == health_pb2.HealthCheckResponse.SERVING
