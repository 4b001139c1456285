"""A server that asks for a token."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mammosynth.client import Generator, Security, ServiceError
from mammosynth.v1 import generation_pb2, generation_pb2_grpc

from shared.errors import ConfigurationError
from shared.rpc.server import ServerConfiguration, serve
from shared.rpc.token import TokenServerInterceptor

SERVICE = "mammosynth.v1.GenerationService"


class Generation(generation_pb2_grpc.GenerationServiceServicer):
    async def Info(self, request: Any, context: Any) -> generation_pb2.GenerationServiceInfoResponse:
        return generation_pb2.GenerationServiceInfoResponse(size=64)

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[generation_pb2.GenerateResponse]:
        yield generation_pb2.GenerateResponse(pair=3)


Serving = Callable[..., Any]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("swordfish\n")
    return tmp_path / "token"


@pytest.fixture
def serving(unused_port: int, token: Path) -> Serving:
    @asynccontextmanager
    async def start() -> AsyncIterator[str]:
        code = asyncio.ensure_future(
            serve(
                configuration=ServerConfiguration(listen=f"localhost:{unused_port}", drain_s=0, token_file=token),
                register=partial(generation_pb2_grpc.add_GenerationServiceServicer_to_server, Generation()),  # type: ignore[abstract]
                services=[SERVICE],
            )
        )
        try:
            yield f"localhost:{unused_port}"
        finally:
            code.cancel()
            await asyncio.gather(code, return_exceptions=True)

    return start


async def test_a_client_with_the_token_gets_an_answer(serving: Serving) -> None:
    async with serving() as address:
        with Generator(address, Security(token="swordfish")) as generator:
            assert (await asyncio.to_thread(generator.info)).size == 64


STRANGERS = {"no token": None, "another token": Security(token="marlin"), "a part of it": Security(token="swordfis")}


@pytest.mark.parametrize("security", STRANGERS.values(), ids=STRANGERS)
async def test_a_client_without_it_is_refused_as_unauthenticated(security: Security | None, serving: Serving) -> None:
    async with serving() as address:
        with Generator(address, security) as generator:
            calls: tuple[Callable[[], Any], ...] = (generator.info, lambda: list(generator.generate()))
            for call in calls:
                with pytest.raises(ServiceError) as caught:
                    await asyncio.to_thread(call)
                assert (caught.value.code, caught.value.status) == ("unauthenticated", "UNAUTHENTICATED")


async def test_reflection_needs_the_token_too_and_health_does_not(serving: Serving) -> None:
    async with serving() as address, grpc.aio.insecure_channel(address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=SERVICE), timeout=20, wait_for_ready=True
        )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        call = reflection(iter([b""]), timeout=20)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(call))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_replaced_token_is_taken_up(serving: Serving, token: Path) -> None:
    async with serving() as address:
        with Generator(address, Security(token="swordfish")) as generator:
            await asyncio.to_thread(generator.info)
            token.write_text("marlin")
            with pytest.raises(ServiceError, match="unauthenticated"):
                await asyncio.to_thread(generator.info)
        with Generator(address, Security(token="marlin")) as generator:
            await asyncio.to_thread(generator.info)


@pytest.mark.parametrize("text", ["", "  \n", None], ids=["empty", "blank", "missing"])
def test_a_server_without_its_token_does_not_start(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "token").write_text(text)
    with pytest.raises(ConfigurationError, match="--token-file"):
        TokenServerInterceptor(tmp_path / "token")
