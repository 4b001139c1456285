"""A server from its start to its end: readiness, drain, exit codes."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from mammosynth.v1 import anomaly_pb2, anomaly_pb2_grpc

from shared.errors import ConfigurationError, ModelError
from shared.rpc.server import ServerConfiguration, serve

SERVICE = "mammosynth.v1.AnomalyService"
Health = health_pb2.HealthCheckResponse


class Held(anomaly_pb2_grpc.AnomalyServiceServicer):
    """Answers once it is let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.released = asyncio.Event()
        self.cancelled = False

    async def Score(self, request: Any, context: Any) -> anomaly_pb2.ScoreResponse:
        self.entered.set()
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return anomaly_pb2.ScoreResponse(score=0.25)


class Running:
    """A server in this process, and a channel to it."""

    def __init__(self, port: int, **options: Any) -> None:
        self.servicer = Held()  # type: ignore[abstract]
        self.broken = asyncio.Event()
        self.closed = 0
        self.address = f"127.0.0.1:{port}"
        self.channel = grpc.aio.insecure_channel(self.address)
        self.score = anomaly_pb2_grpc.AnomalyServiceStub(self.channel).Score
        warm_up = options.pop("warm_up", None)
        self.code = asyncio.ensure_future(
            serve(
                configuration=ServerConfiguration(listen=self.address, **options),
                register=self._register,
                services=[SERVICE],
                warm_up=warm_up,
                close=self._close,
                broken=self.broken,
            )
        )

    def _register(self, server: grpc.aio.Server) -> None:
        anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server(self.servicer, server)

    async def _close(self) -> None:
        self.closed += 1

    async def health(self, service: str = SERVICE) -> Any:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = await health_pb2_grpc.HealthStub(self.channel).Check(request, timeout=20, wait_for_ready=True)
        return answer.status

    async def until_health(self, status: Any, *, answered: asyncio.Event | None = None) -> None:
        """Wait until the health service says so; it tells each change. `answered` is set at the first answer."""
        call = health_pb2_grpc.HealthStub(self.channel).Watch(
            health_pb2.HealthCheckRequest(service=SERVICE), timeout=20, wait_for_ready=True
        )
        async for answer in call:
            if answered is not None:
                answered.set()
            if answer.status == status:
                break
        call.cancel()


Start = Callable[..., Any]


@pytest.fixture
def start(unused_port: int) -> Start:
    @asynccontextmanager
    async def running(**options: Any) -> AsyncIterator[Running]:
        server = Running(unused_port, **options)
        try:
            yield server
        finally:
            server.servicer.released.set()
            server.code.cancel()
            await asyncio.gather(server.code, return_exceptions=True)
            await server.channel.close()

    return running


def tell(number: int) -> None:
    os.kill(os.getpid(), number)


async def test_a_server_is_ready_once_it_is_warm_and_not_before(start: Start) -> None:
    warm, began = asyncio.Event(), asyncio.Event()

    async def warm_up() -> None:
        began.set()
        await warm.wait()

    async with start(warm_up=warm_up) as server:
        await began.wait()
        assert [await server.health(), await server.health("")] == [Health.NOT_SERVING] * 2
        warm.set()
        await server.until_health(Health.SERVING)
        assert await server.health("") == Health.SERVING


async def test_a_warm_up_that_fails_ends_the_server(start: Start) -> None:
    async def warm_up() -> None:
        raise ModelError("anomaly.onnx: found NaN")

    async with start(warm_up=warm_up) as server:
        with pytest.raises(ModelError, match="found NaN"):
            await server.code
        assert server.closed == 1


async def test_sigterm_during_the_warm_up_ends_the_server(start: Start) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def warm_up() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with start(warm_up=warm_up) as server:
        await began.wait()
        tell(signal.SIGTERM)
        assert await server.code == 143
        assert (server.closed, cancelled.is_set()) == (1, True)


async def test_after_sigterm_a_call_in_progress_ends_and_new_ones_are_refused(start: Start) -> None:
    async with start() as server:
        await server.until_health(Health.SERVING)
        call = server.score(anomaly_pb2.ScoreRequest(), timeout=30)
        await server.servicer.entered.wait()
        answered = asyncio.Event()
        watching = asyncio.ensure_future(server.until_health(Health.NOT_SERVING, answered=answered))
        # A watch that comes after the signal would be refused, as all new calls are.
        await answered.wait()
        tell(signal.SIGTERM)
        await watching
        async with grpc.aio.insecure_channel(server.address) as other:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await anomaly_pb2_grpc.AnomalyServiceStub(other).Score(anomaly_pb2.ScoreRequest(), timeout=30)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (server.code.done(), server.closed) == (False, 0)
        server.servicer.released.set()
        assert (await call).score == 0.25
        assert await server.code == 143
        assert server.closed == 1


async def test_a_call_that_does_not_end_within_the_drain_is_cut(start: Start) -> None:
    async with start(drain_s=0.05) as server:
        call = server.score(anomaly_pb2.ScoreRequest(), timeout=30, wait_for_ready=True)
        await server.servicer.entered.wait()
        tell(signal.SIGINT)
        assert await server.code == 143
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call
        assert server.servicer.cancelled


async def test_a_start_that_is_cancelled_half_way_leaves_no_server(
    start: Start, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NeverUp:
        began = asyncio.Event()

        async def start(self) -> None:
            self.began.set()
            await asyncio.Event().wait()

        async def stop(self, grace: float | None) -> None:
            pass

    monkeypatch.setattr("shared.rpc.server._probed", lambda _port, _health: NeverUp())
    async with start() as server:
        await NeverUp.began.wait()
        server.code.cancel()
        await asyncio.gather(server.code, return_exceptions=True)
        assert server.closed == 1
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", unused_port))


async def test_what_is_broken_ends_the_server_with_the_code_for_faults(start: Start) -> None:
    async with start() as server:
        await server.until_health(Health.SERVING)
        server.broken.set()
        assert await server.code == 1


async def test_reflection_lists_the_services_with_their_messages(start: Start) -> None:
    def ask(address: str) -> tuple[list[str], list[str]]:
        with grpc.insecure_channel(address) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            service = DescriptorPool(database).FindServiceByName(SERVICE)
            return sorted(database.get_services()), [method.name for method in service.methods]

    async with start() as server:
        await server.until_health(Health.SERVING)
        listed, methods = await asyncio.to_thread(ask, server.address)
    assert listed == ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", SERVICE]
    assert methods == ["Info", "Score"]


@pytest.fixture
def taken() -> Any:
    """A port of loopback that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_metrics_are_told_where_a_port_is_given(start: Start, unused_port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with start(metrics_port=port) as server:
        await server.until_health(Health.SERVING)
        await server.health()

        def read() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                return str(answer.read().decode())

        text = await asyncio.to_thread(read)
    assert 'mammosynth_rpc_total{method="/grpc.health.v1.Health/Check",status="OK"}' in text


UNUSABLE = {
    "taken": "127.0.0.1:{taken}",
    "of another machine": "203.0.113.1:0",
    "no number": "127.0.0.1:http-alt-none",
    "no port": "nowhere.invalid",
}


@pytest.mark.parametrize("listen", UNUSABLE.values(), ids=UNUSABLE)
async def test_an_address_that_cannot_be_listened_on_is_refused_by_name(listen: str, taken: int) -> None:
    listen = listen.format(taken=taken)
    with pytest.raises(ConfigurationError, match=f"--listen: cannot listen on '{listen}'"):
        await serve(
            configuration=ServerConfiguration(listen=listen), register=lambda _: None, services=[], broken=ended()
        )


async def test_a_port_of_metrics_that_is_taken_is_refused_by_name(taken: int) -> None:
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))  # noqa: S104  metrics are told on all addresses
        everywhere.listen()
        port = everywhere.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"--metrics-port: cannot listen on {port}"):
            await serve(
                configuration=ServerConfiguration(metrics_port=port),
                register=lambda _: None,
                services=[],
                broken=ended(),
            )


OUT_OF_RANGE = {
    "metrics_port": ("-1", "65536"),
    "drain_s": ("-1",),
    "max_connection_age_s": ("0",),
}


@pytest.mark.parametrize(("field", "values"), OUT_OF_RANGE.items(), ids=OUT_OF_RANGE)
def test_a_value_out_of_range_is_refused_by_name(field: str, values: tuple[str, ...]) -> None:
    for value in values:
        with pytest.raises(ConfigurationError, match=f"--{field.replace('_', '-')} .*: found '{value}'"):
            ServerConfiguration.resolve({field: value})


def ended() -> asyncio.Event:
    """Lets a server that should not have started end at once."""
    event = asyncio.Event()
    event.set()
    return event


PROGRAM = """
import asyncio, sys
from shared.rpc.server import ServerConfiguration, serve
configuration = ServerConfiguration(exit_with_parent=True)
sys.exit(asyncio.run(serve(configuration=configuration, register=lambda _: None, services=[])))
"""


@pytest.fixture
def child() -> Any:
    """A server that ends with its parent, listening already."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline().startswith("listening on 127.0.0.1:")
        yield started
        started.kill()


def test_a_server_ends_when_its_standard_input_closes(child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.write("what is written there is of no interest\n")
    child.stdin.flush()
    assert psutil.Process(child.pid).is_running()
    child.stdin.close()
    child.stdin = None
    assert child.wait(30) == 143


def test_a_server_that_waits_for_its_parent_ends_on_sigterm_too(child: "subprocess.Popen[str]") -> None:
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 143
    assert child.stderr is not None
    assert "Fatal Python error" not in child.stderr.read()
