"""Certificates on loopback: who gets an answer, and what happens when they are replaced."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mammosynth.v1 import anomaly_pb2, anomaly_pb2_grpc

from shared.errors import CallCancelledError, ConfigurationError, DeadlineError
from shared.rpc import renewed_channel
from shared.rpc.certificates import PemFiles
from shared.rpc.channel import open_channel
from shared.rpc.server import ServerConfiguration, serve
from tests.authority import Authority, MountedSecret

SERVICE = "mammosynth.v1.AnomalyService"


class Scorer(anomaly_pb2_grpc.AnomalyServiceServicer):
    """Answers; a request for a held answer waits until it is let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.released = asyncio.Event()

    async def Score(self, request: Any, context: Any) -> anomaly_pb2.ScoreResponse:
        if request.model_name == "held":
            self.entered.set()
            await self.released.wait()
        return anomaly_pb2.ScoreResponse(score=0.25)


Serving = Callable[..., Any]


@pytest.fixture
def serving(unused_port: int) -> Serving:
    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[Scorer]:
        servicer = Scorer()  # type: ignore[abstract]
        code = asyncio.ensure_future(
            serve(
                configuration=ServerConfiguration(listen=f"localhost:{unused_port}", drain_s=0, **options),
                register=partial(anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server, servicer),
                services=[SERVICE],
            )
        )
        try:
            yield servicer
        finally:
            servicer.released.set()
            code.cancel()
            await asyncio.gather(code, return_exceptions=True)

    return start


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed_channel, "_LOOK_EVERY_S", 0.0)


def mutual(secret: MountedSecret) -> dict[str, Path]:
    return {"tls_certificate": secret.certificate, "tls_key": secret.key, "tls_client_ca": secret.ca}


def client(secret: MountedSecret) -> dict[str, Path]:
    return {"ca": secret.ca, "certificate": secret.certificate, "key": secret.key}


async def ask(channel: Any, name: str = "", timeout: float = 20) -> float:
    call = anomaly_pb2_grpc.AnomalyServiceStub(channel).Score
    answer = await call(anomaly_pb2.ScoreRequest(model_name=name), timeout=timeout)
    return float(answer.score)


async def watch(channel: Any) -> Any:
    call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=20)
    return (await anext(aiter(call))).status


async def test_a_client_with_the_right_certificate_gets_an_answer(
    serving: Serving, unused_port: int, tmp_path: Path
) -> None:
    secret = MountedSecret(tmp_path / "secret").put(Authority())
    async with serving(**mutual(secret)):
        channel = open_channel(f"localhost:{unused_port}", **client(secret))
        assert await ask(channel) == 0.25
        await channel.close()


STRANGERS: dict[str, Callable[[MountedSecret, MountedSecret], dict[str, Path]]] = {
    "in the clear": lambda own, other: {},
    "without a certificate": lambda own, other: {"ca": own.ca},
    "with another authority's certificate": lambda own, other: {
        "ca": own.ca,
        "certificate": other.certificate,
        "key": other.key,
    },
    "who trusts another authority": lambda own, other: {
        "ca": other.ca,
        "certificate": own.certificate,
        "key": own.key,
    },
}


@pytest.mark.parametrize("files", STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_gets_no_connection(
    files: Callable[..., dict[str, Path]], serving: Serving, unused_port: int, tmp_path: Path
) -> None:
    own = MountedSecret(tmp_path / "own").put(Authority())
    other = MountedSecret(tmp_path / "other").put(Authority("other"))
    async with serving(**mutual(own)) as servicer:
        friend = open_channel(f"localhost:{unused_port}", **client(own))
        assert await ask(friend) == 0.25
        channel = open_channel(f"localhost:{unused_port}", **files(own, other))
        with pytest.raises(DeadlineError):
            await ask(channel, "held", timeout=1.0)
        assert not servicer.entered.is_set()
        await channel.close()
        await friend.close()


async def test_a_client_without_a_certificate_is_served_where_none_is_asked_for(
    serving: Serving, unused_port: int, tmp_path: Path
) -> None:
    secret = MountedSecret(tmp_path / "secret").put(Authority())
    async with serving(tls_certificate=secret.certificate, tls_key=secret.key):
        channel = open_channel(f"localhost:{unused_port}", ca=secret.ca)
        assert await ask(channel) == 0.25
        await channel.close()


async def test_replaced_certificates_are_taken_up_by_both_sides_and_the_call_in_progress_ends_well(
    serving: Serving, unused_port: int, tmp_path: Path
) -> None:
    first, second = Authority("first"), Authority("second")
    server = MountedSecret(tmp_path / "server").put(first)
    caller = MountedSecret(tmp_path / "caller").put(first)
    async with serving(**mutual(server)) as servicer:
        channel = open_channel(f"localhost:{unused_port}", **client(caller))
        held = asyncio.ensure_future(ask(channel, "held"))
        await servicer.entered.wait()
        server.put(second)
        caller.put(second)
        assert await ask(channel) == 0.25
        old = open_channel(f"localhost:{unused_port}", **client(MountedSecret(tmp_path / "old").put(first)))
        with pytest.raises(DeadlineError):
            await ask(old, timeout=1.0)
        assert not held.done()
        servicer.released.set()
        assert await held == 0.25
        await channel.close()
        await old.close()


async def test_a_call_that_waits_with_certificates_of_the_past_is_given_back_to_be_made_again(
    serving: Serving, unused_port: int, tmp_path: Path
) -> None:
    first, second = Authority("first"), Authority("second")
    caller = MountedSecret(tmp_path / "caller").put(first)
    async with serving(**mutual(MountedSecret(tmp_path / "server").put(second))):
        channel = open_channel(f"localhost:{unused_port}", **client(caller))
        waiting = asyncio.ensure_future(ask(channel))
        streaming = asyncio.ensure_future(watch(channel))
        while channel._now.channel.get_state() is not grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            await asyncio.sleep(0.01)
        caller.put(second)
        assert await ask(channel) == 0.25
        for given_back in (waiting, streaming):
            with pytest.raises(CallCancelledError):
                await given_back
        await channel.close()


async def test_health_can_be_asked_in_the_clear_on_a_port_of_its_own_and_nothing_else_there(
    serving: Serving, unused_port: int, tmp_path: Path
) -> None:
    secret = MountedSecret(tmp_path / "secret").put(Authority())
    (tmp_path / "token").write_text("swordfish")
    health = unused_port + 1 if unused_port < 65000 else unused_port - 1
    async with (
        serving(**mutual(secret), token_file=tmp_path / "token", health_port=health),
        grpc.aio.insecure_channel(f"localhost:{health}") as channel,
    ):
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=SERVICE), timeout=20, wait_for_ready=True
        )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(channel)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "a certificate without its key": ({"tls_certificate": "tls.crt"}, "--tls-certificate, --tls-key: found one"),
    "authorities without a certificate": ({"tls_client_ca": "ca.crt"}, "--tls-client-ca: found it without"),
    "a file that is not there": ({"tls_certificate": "tls.crt", "tls_key": "none"}, "tls: cannot read .*none"),
}


@pytest.mark.parametrize(("files", "message"), WRONG.values(), ids=WRONG)
async def test_a_server_refuses_files_that_cannot_be_used(
    files: dict[str, str], message: str, serving: Serving, tmp_path: Path
) -> None:
    secret = MountedSecret(tmp_path / "secret").put(Authority())
    configuration = ServerConfiguration(**{name: secret.folder / file for name, file in files.items()})
    with pytest.raises(ConfigurationError, match=message):
        await serve(configuration=configuration, register=lambda server: None, services=[SERVICE])


def test_files_that_cannot_be_read_again_leave_what_was_there(tmp_path: Path) -> None:
    secret = MountedSecret(tmp_path / "secret").put(Authority())
    files = PemFiles(secret.certificate, secret.key, secret.ca)
    before = files.pem
    secret.key.unlink()
    assert not files.changed()
    assert files.pem == before
    secret.put(Authority())
    assert files.changed()
    assert files.pem != before


async def test_a_replacement_that_is_no_certificate_leaves_the_server_as_it_was(
    serving: Serving, unused_port: int, tmp_path: Path
) -> None:
    authority = Authority()
    server = MountedSecret(tmp_path / "server").put(authority)
    caller = MountedSecret(tmp_path / "caller").put(authority)
    async with serving(**mutual(server)):
        channel = open_channel(f"localhost:{unused_port}", **client(caller))
        assert await ask(channel) == 0.25
        server.certificate.write_text("no certificate")
        again = open_channel(f"localhost:{unused_port}", **client(caller))
        assert await ask(again) == 0.25
        await channel.close()
        await again.close()
