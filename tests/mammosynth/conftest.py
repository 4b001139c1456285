"""Servers of the contract that answer what a test tells them to."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from mammosynth.v1 import anomaly_pb2_grpc, classifier_pb2_grpc, generation_pb2_grpc, stylizer_pb2_grpc

_ADD = {
    anomaly_pb2_grpc.AnomalyServiceServicer: anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server,
    classifier_pb2_grpc.ClassifierServiceServicer: classifier_pb2_grpc.add_ClassifierServiceServicer_to_server,
    generation_pb2_grpc.GenerationServiceServicer: generation_pb2_grpc.add_GenerationServiceServicer_to_server,
    stylizer_pb2_grpc.StylizerServiceServicer: stylizer_pb2_grpc.add_StylizerServiceServicer_to_server,
}


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Starts a servicer on a port of loopback; returns its address."""
    servers: list[grpc.Server] = []

    def start(servicer: Any, port: int = 0) -> str:
        server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
        next(add for kind, add in _ADD.items() if isinstance(servicer, kind))(servicer, server)
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{bound}"

    yield start
    for server in servers:
        server.stop(None).wait()
