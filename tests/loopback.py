"""Servers on loopback: in this process, or as a process of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mammosynth.channel import MAXIMUM_MESSAGE_BYTES

from shared.rpc.interceptors import ErrorServerInterceptor


@asynccontextmanager
async def served(register: Callable[[grpc.aio.Server], None]) -> AsyncIterator[str]:
    """Serve in this event loop, with the interceptor that every server has; yields the address."""
    options = [("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES)]
    server = grpc.aio.server(interceptors=[ErrorServerInterceptor()], options=options)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@contextmanager
def process(module: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `python -m module`; yields it and its address once it says that it is ready."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | variables) as started:
        try:
            line = started.stdout.readline() if started.stdout else ""
            address = line.split()[-1] if line else ""
            wait_until_ready(address)
            yield started, address
        finally:
            started.kill()


def wait_until_ready(address: str) -> None:
    """Wait until the health service says so, 30 seconds at most."""
    with grpc.insecure_channel(address) as channel:
        answers = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=30)
        for answer in answers:
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                answers.cancel()
                return


def terminate(started: subprocess.Popen[str]) -> int:
    """Send SIGTERM and wait for the end; returns the exit code."""
    started.send_signal(signal.SIGTERM)
    return started.wait(30)
