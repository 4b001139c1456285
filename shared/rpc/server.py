"""Server start-up, written once: health, reflection, metrics, readiness after warm-up, graceful drain."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from mammosynth.channel import MAXIMUM_MESSAGE_BYTES
from prometheus_client import start_http_server
from pydantic import Field

from shared.errors import EXIT_FAULT, EXIT_TERMINATED, ConfigurationError
from shared.log import get_logger
from shared.rpc.certificates import TlsConfiguration, server_credentials
from shared.rpc.interceptors import ErrorServerInterceptor
from shared.rpc.telemetry import call_spans
from shared.rpc.token import TokenServerInterceptor


class ServerConfiguration(TlsConfiguration):
    """What every server is started with."""

    listen: str = "127.0.0.1:0"
    """Address to listen on, HOST:PORT; port 0 lets the system choose."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of Prometheus metrics; none if not given."""
    drain_s: float = Field(default=30.0, ge=0)
    """Time in seconds that calls in progress get to end after SIGTERM."""
    max_connection_age_s: float = Field(default=60.0, gt=0)
    """Seconds after which a connection is renewed, so that clients find new pods; calls in progress are not cut."""
    tls_client_ca: Path | None = None
    """PEM file of authorities: callers must show a certificate that leads there; none is asked for if not given."""
    token_file: Path | None = None
    """File with a token that callers must show as `authorization: Bearer TOKEN`; none is asked for if not given."""
    health_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of health checks alone, neither encrypted nor asking for a token, for probes; none if not given."""
    otlp_endpoint: str | None = None
    """OpenTelemetry collector that a span of each call is sent to, http://HOST:4317; none if not given."""
    exit_with_parent: bool = False
    """End when standard input closes, as it does when the parent process ends."""


async def serve(
    *,
    configuration: ServerConfiguration,
    register: Callable[[grpc.aio.Server], None],
    services: Sequence[str],
    warm_up: Callable[[], Awaitable[None]] | None = None,
    close: Callable[[], Awaitable[None]] | None = None,
    broken: asyncio.Event | None = None,
) -> int:
    """Serve until SIGTERM, SIGINT, or the parent's end; returns the exit code.

    The line `listening on HOST:PORT` on standard output says where, once connections are taken. Health answers
    NOT_SERVING until the warm-up is done, and again from the moment the drain begins.

    Args:
        configuration: addresses and times.
        register: adds the servicers.
        services: full names of the services, for health and reflection.
        warm_up: awaited before the server says that it is ready; what it raises ends the process.
        close: awaited after the last call has ended.
        broken: ends the process with the exit code for faults once it is set.

    Raises:
        ConfigurationError: if the address, or the port of metrics, cannot be listened on.

    """
    log = get_logger("server")
    spans, send_last_spans = _spans(configuration, services)
    server, health_servicer = _build(configuration, register, services, spans)
    address = _bind(server, configuration)
    probed = _probed(configuration.health_port, health_servicer)
    stop = _stop_event(asyncio.get_running_loop(), watch_parent=configuration.exit_with_parent)
    _tell_metrics(configuration.metrics_port)
    # Health counts the server as a whole as serving from the start, and knows nothing of its services.
    await _set_health(health_servicer, services, health_pb2.HealthCheckResponse.NOT_SERVING)
    try:
        # Within, so that who is cancelled between the two leaves no server behind.
        await server.start()
        await probed.start()
        print(f"listening on {address}", flush=True)  # noqa: T201  the parent reads this line
        if await _warmed_up(warm_up, stop):
            await _set_health(health_servicer, services, health_pb2.HealthCheckResponse.SERVING)
            log.info("ready", address=address, services=list(services))
            await _first_of(stop, broken)
    finally:
        await _set_health(health_servicer, services, health_pb2.HealthCheckResponse.NOT_SERVING)
        log.info("draining", seconds=configuration.drain_s)
        await server.stop(grace=configuration.drain_s)
        await probed.stop(grace=None)
        if close is not None:
            await close()
        await asyncio.to_thread(send_last_spans)
    return EXIT_FAULT if broken is not None and broken.is_set() else EXIT_TERMINATED


def _spans(configuration: ServerConfiguration, services: Sequence[str]) -> tuple[list[Any], Callable[[], None]]:
    if configuration.otlp_endpoint is None:
        return [], lambda: None
    interceptor, send_last = call_spans(configuration.otlp_endpoint, tuple(services))
    return [interceptor], send_last


def _build(
    configuration: ServerConfiguration,
    register: Callable[[grpc.aio.Server], None],
    services: Sequence[str],
    spans: Sequence[Any],
) -> tuple[grpc.aio.Server, Any]:
    options = [
        ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
        ("grpc.max_connection_age_ms", round(configuration.max_connection_age_s * 1000)),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.so_reuseport", 0),
    ]
    interceptors: list[Any] = [*spans, ErrorServerInterceptor()]
    if configuration.token_file is not None:
        interceptors.append(TokenServerInterceptor(configuration.token_file))
    server = grpc.aio.server(interceptors=interceptors, options=options)
    register(server)
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection((*services, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, health_servicer


def _bind(server: grpc.aio.Server, configuration: ServerConfiguration) -> str:
    listen = configuration.listen
    credentials = server_credentials(configuration.tls_certificate, configuration.tls_key, configuration.tls_client_ca)
    try:
        port = server.add_secure_port(listen, credentials) if credentials else server.add_insecure_port(listen)
    except RuntimeError as error:
        raise ConfigurationError(f"--listen: cannot listen on {listen!r}: {error}") from error
    return f"{listen.rpartition(':')[0]}:{port}"


def _probed(port: int | None, health_servicer: Any) -> grpc.aio.Server:
    """A server of health checks alone; without a port it listens nowhere."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    if port is not None:
        try:
            server.add_insecure_port(f"[::]:{port}")
        except RuntimeError as error:
            raise ConfigurationError(f"--health-port: cannot listen on {port}: {error}") from error
    return server


def _tell_metrics(port: int | None) -> None:
    if port is None:
        return
    try:
        start_http_server(port)
    except OSError as error:
        raise ConfigurationError(f"--metrics-port: cannot listen on {port}: {error}") from error


def _stop_event(loop: asyncio.AbstractEventLoop, *, watch_parent: bool) -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if watch_parent:

        def wait_for_end_of_input() -> None:
            # Not through sys.stdin: a thread that waits inside it when the interpreter ends makes it abort.
            with contextlib.suppress(OSError):
                while os.read(0, 4096):
                    pass
            loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=wait_for_end_of_input, daemon=True, name="parent").start()
    return stop


async def _first_of(*events: asyncio.Event | None) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events if event is not None]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _warmed_up(warm_up: Callable[[], Awaitable[None]] | None, stop: asyncio.Event) -> bool:
    """Run the warm-up; False where the process was told to stop meanwhile."""
    if warm_up is None:
        return True
    work = asyncio.ensure_future(warm_up())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if work.done():
        await work
        return True
    work.cancel()
    return False


async def _set_health(servicer: Any, services: Sequence[str], status: Any) -> None:
    for service in ("", *services):
        await servicer.set(service, status)
