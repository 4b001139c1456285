"""Spans of the calls that a server answers, for an OpenTelemetry collector."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

from shared.errors import ConfigurationError

_SEND_S = 5


def call_spans(endpoint: str, services: tuple[str, ...]) -> tuple[Any, Callable[[], None]]:
    """Interceptor that makes a span of each call, and what sends the last of them before the process ends.

    A collector that is away costs spans, never calls: they are sent by a thread of their own, and dropped when many
    wait.

    Args:
        endpoint: of the collector's gRPC receiver, http://HOST:4317 in the clear or https://HOST:4317.
        services: full names of the services; the first names the spans' origin.

    Raises:
        ConfigurationError: if the endpoint is none, or the extra `telemetry` is not installed.

    """
    if urlparse(endpoint).scheme not in ("http", "https") or not urlparse(endpoint).netloc:
        raise ConfigurationError(f"--otlp-endpoint: found {endpoint!r}, needed http://HOST:PORT or https://HOST:PORT")
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.instrumentation.grpc import aio_server_interceptor  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(f"--otlp-endpoint: needs the extra `telemetry`: {error}") from error
    provider = TracerProvider(resource=Resource.create({"service.name": services[0]}))
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"), timeout=_SEND_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    interceptor: Any = aio_server_interceptor(tracer_provider=provider)  # type: ignore[no-untyped-call]
    return interceptor, provider.shutdown
