"""Spans, taken by a collector on loopback."""

import asyncio
from functools import partial
from typing import Any

import grpc
import pytest
from mammosynth.client import Generator
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from shared.errors import ConfigurationError
from shared.rpc.server import ServerConfiguration, serve
from tests.shared.rpc.test_token import SERVICE, Generation

register: Any


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.origins: set[str] = set()

    async def Export(self, request: Any, context: Any) -> Any:
        for group in request.resource_spans:
            self.origins |= {
                item.value.string_value for item in group.resource.attributes if item.key == "service.name"
            }
            self.names += [span.name for scope in group.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


async def serving(port: int, endpoint: str) -> "asyncio.Task[int]":
    servicer = Generation()  # type: ignore[abstract]
    from mammosynth.v1 import generation_pb2_grpc  # noqa: PLC0415

    return asyncio.ensure_future(
        serve(
            configuration=ServerConfiguration(listen=f"127.0.0.1:{port}", drain_s=0, otlp_endpoint=endpoint),
            register=partial(generation_pb2_grpc.add_GenerationServiceServicer_to_server, servicer),
            services=[SERVICE],
        )
    )


async def test_each_call_is_a_span_and_the_last_ones_are_sent_at_the_end(unused_port: int) -> None:
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    code = await serving(unused_port, f"http://127.0.0.1:{port}")
    with Generator(f"127.0.0.1:{unused_port}") as generator:
        await asyncio.to_thread(generator.info)
        assert [sample.pair for sample in await asyncio.to_thread(lambda: list(_pairs(generator)))] == [3]
    code.cancel()
    await asyncio.gather(code, return_exceptions=True)
    await server.stop(None)
    assert {name.rpartition("/")[2] for name in collector.names} >= {"Info", "Generate"}
    assert collector.origins == {SERVICE}


async def test_a_collector_that_is_away_costs_no_call(unused_port: int) -> None:
    code = await serving(unused_port, "http://127.0.0.1:1")
    with Generator(f"127.0.0.1:{unused_port}") as generator:
        assert (await asyncio.to_thread(generator.info)).size == 64
    code.cancel()
    await asyncio.gather(code, return_exceptions=True)


@pytest.mark.parametrize("endpoint", ["collector:4317", "ftp://collector", "http://"])
async def test_what_is_no_endpoint_is_refused_by_name(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--otlp-endpoint: found '{endpoint}'"):
        await serve(
            configuration=ServerConfiguration(otlp_endpoint=endpoint), register=lambda server: None, services=[SERVICE]
        )


def _pairs(generator: Generator) -> Any:
    stub: Any = generator._stub
    from mammosynth.v1 import generation_pb2  # noqa: PLC0415

    return stub.Generate(generation_pb2.GenerateRequest(), timeout=20)
