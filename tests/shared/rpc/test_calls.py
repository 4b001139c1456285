"""A real server and a real channel on loopback, with a servicer that fails on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from mammosynth.v1 import anomaly_pb2, anomaly_pb2_grpc, stylizer_pb2, stylizer_pb2_grpc

from shared import errors
from shared.rpc.channel import open_channel
from shared.rpc.interceptors import ErrorServerInterceptor


class FailingAnomaly(anomaly_pb2_grpc.AnomalyServiceServicer):
    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.deadline: float | None = None

    async def Score(self, request: Any, context: Any) -> Any:
        self.deadline = context.time_remaining()
        if self.error:
            raise self.error
        return anomaly_pb2.ScoreResponse(score=len(request.image.data))


class EndlessStylizer(stylizer_pb2_grpc.StylizerServiceServicer):
    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def Stylize(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            for step in range(1, 1_000_000):
                yield stylizer_pb2.StylizeResponse(steps=step)
                await asyncio.sleep(0)
                if request.model_name == "fails" and step == 2:
                    raise errors.NumericalError("loss: found nan")
        finally:
            self.ended.set()


@asynccontextmanager
async def served(anomaly: Any = None, stylizer: Any = None) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server(interceptors=[ErrorServerInterceptor()], options=[("grpc.max_receive_message_length", -1)])
    anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server(anomaly or FailingAnomaly(None), server)
    stylizer_pb2_grpc.add_StylizerServiceServicer_to_server(stylizer or EndlessStylizer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = open_channel(f"127.0.0.1:{port}")
    try:
        yield channel
    finally:
        await channel.close()
        await server.stop(None)


# UNAVAILABLE is retried and CANCELLED made by the transport itself: tests of their own are below.
BY_TRANSPORT = (errors.UnavailableError, errors.CallCancelledError)
RESTORED = [kind for kind in errors.error_classes() if kind not in BY_TRANSPORT]


@pytest.mark.parametrize("kind", RESTORED, ids=lambda kind: kind.code)
async def test_every_error_arrives_as_itself_with_its_message(kind: type[errors.MammosynthError]) -> None:
    async with served(FailingAnomaly(kind("rows: found 3, needed 4"))) as channel:
        stub = anomaly_pb2_grpc.AnomalyServiceStub(channel)
        with pytest.raises(kind, match="rows: found 3, needed 4") as caught:
            await stub.Score(anomaly_pb2.ScoreRequest(), timeout=5)
    assert type(caught.value) is kind


async def test_a_full_queue_says_when_to_ask_again() -> None:
    async with served(FailingAnomaly(errors.OverloadedError("queue: full", retry_after_s=2.5))) as channel:
        stub = anomaly_pb2_grpc.AnomalyServiceStub(channel)
        with pytest.raises(errors.OverloadedError) as caught:
            await stub.Score(anomaly_pb2.ScoreRequest(), timeout=5)
    assert caught.value.retry_after_s == 2.5


async def test_the_unexpected_becomes_internal_with_an_id_and_without_its_text() -> None:
    async with served(FailingAnomaly(ZeroDivisionError("secret detail"))) as channel:
        stub = anomaly_pb2_grpc.AnomalyServiceStub(channel)
        with pytest.raises(errors.InternalError, match=r"unexpected error, id [0-9a-f]{32}") as caught:
            await stub.Score(anomaly_pb2.ScoreRequest(), timeout=5)
    assert "secret" not in str(caught.value)


async def test_a_call_without_a_deadline_gets_one() -> None:
    servicer = FailingAnomaly(None)
    async with served(servicer) as channel:
        await anomaly_pb2_grpc.AnomalyServiceStub(channel).Score(anomaly_pb2.ScoreRequest())
    assert servicer.deadline is not None
    assert servicer.deadline < 61.0  # clocks of both sides are rounded


async def test_a_message_above_four_mebibytes_arrives() -> None:
    request = anomaly_pb2.ScoreRequest()
    request.image.data = bytes(9 * 1024 * 1024)
    async with served() as channel:
        response = await anomaly_pb2_grpc.AnomalyServiceStub(channel).Score(request, timeout=10)
    assert response.score == 9 * 1024 * 1024


async def test_a_message_above_256_kib_is_retried_when_the_server_was_away(unused_port: int) -> None:
    class FlakyOnce(FailingAnomaly):
        calls = 0

        async def Score(self, request: Any, context: Any) -> Any:
            FlakyOnce.calls += 1
            if FlakyOnce.calls == 1:
                raise errors.UnavailableError("leaving")
            return anomaly_pb2.ScoreResponse(score=len(request.image.data))

    request = anomaly_pb2.ScoreRequest()
    request.image.data = bytes(600 * 1024)
    async with served(FlakyOnce(None)) as channel:
        response = await anomaly_pb2_grpc.AnomalyServiceStub(channel).Score(request, timeout=10)
    assert response.score == 600 * 1024
    assert FlakyOnce.calls == 2


async def test_a_call_waits_for_a_server_that_is_not_there_yet(unused_port: int) -> None:
    channel = open_channel(f"127.0.0.1:{unused_port}")
    waiting = asyncio.ensure_future(
        anomaly_pb2_grpc.AnomalyServiceStub(channel).Score(anomaly_pb2.ScoreRequest(), timeout=20)
    )
    await asyncio.sleep(0.3)
    assert not waiting.done()
    server = grpc.aio.server()
    anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server(FailingAnomaly(None), server)
    server.add_insecure_port(f"127.0.0.1:{unused_port}")
    await server.start()
    assert (await waiting).score == 0
    await channel.close()
    await server.stop(None)


async def test_a_deadline_that_passes_is_a_deadline_error(unused_port: int) -> None:
    channel = open_channel(f"127.0.0.1:{unused_port}")
    with pytest.raises(errors.DeadlineError):
        await anomaly_pb2_grpc.AnomalyServiceStub(channel).Score(anomaly_pb2.ScoreRequest(), timeout=0.3)
    await channel.close()


async def test_a_stream_that_is_left_ends_on_the_server() -> None:
    stylizer = EndlessStylizer()
    async with served(stylizer=stylizer) as channel:
        call = stylizer_pb2_grpc.StylizerServiceStub(channel).Stylize(stylizer_pb2.StylizeRequest(), timeout=30)
        seen = []
        async for response in call:
            seen.append(response.steps)
            if len(seen) == 3:
                break
        call.cancel()
        await asyncio.wait_for(stylizer.ended.wait(), 5)
    assert seen == [1, 2, 3]


async def test_an_error_within_a_stream_arrives_as_itself() -> None:
    async with served() as channel:
        stub = stylizer_pb2_grpc.StylizerServiceStub(channel)
        call = stub.Stylize(stylizer_pb2.StylizeRequest(model_name="fails"), timeout=30)
        answers = aiter(call)
        assert [(await anext(answers)).steps, (await anext(answers)).steps] == [1, 2]
        with pytest.raises(errors.NumericalError, match="found nan"):
            await anext(answers)
