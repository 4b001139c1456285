"""What the client makes of faults."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from mammosynth.client import AnomalyDetector, ServiceError, Stylizer
from mammosynth.v1 import anomaly_pb2, anomaly_pb2_grpc, stylizer_pb2_grpc

from shared import errors
from shared.rpc.status import to_status

FILM = np.zeros((8, 8), dtype=np.float32)


class Failing(anomaly_pb2_grpc.AnomalyServiceServicer, stylizer_pb2_grpc.StylizerServiceServicer):
    def __init__(self, *faults: errors.MammosynthError) -> None:
        self.faults = list(faults)
        self.calls = 0

    def Score(self, request: Any, context: Any) -> Any:
        self.calls += 1
        if self.faults:
            status = to_status(self.faults.pop(0))
            context.set_trailing_metadata(status.trailing_metadata)
            context.abort(status.code, status.details)
        return anomaly_pb2.ScoreResponse(score=len(request.image.data))

    def Stylize(self, request: Any, context: Any) -> Iterator[Any]:
        status = to_status(self.faults.pop(0))
        context.set_trailing_metadata(status.trailing_metadata)
        context.abort(status.code, status.details)
        yield


ANSWERED = [kind for kind in errors.error_classes() if kind is not errors.UnavailableError]


@pytest.mark.parametrize("kind", ANSWERED, ids=lambda kind: kind.code)
def test_every_error_arrives_with_its_code_its_message_and_its_status(kind: Any, serve: Callable[..., str]) -> None:
    error = kind("rows: found 3, needed 4")
    with AnomalyDetector(serve(Failing(error))) as detector, pytest.raises(ServiceError) as caught:
        detector.score(FILM)
    assert (caught.value.code, caught.value.message) == (kind.code, "rows: found 3, needed 4")
    assert caught.value.status == to_status(error).code.name
    assert str(caught.value) == f"{kind.code}: rows: found 3, needed 4"


def test_a_full_queue_says_when_to_ask_again(serve: Callable[..., str]) -> None:
    servicer = Failing(errors.OverloadedError("queue: full", retry_after_s=2.5))
    with AnomalyDetector(serve(servicer)) as detector, pytest.raises(ServiceError) as caught:
        detector.score(FILM)
    assert (caught.value.code, caught.value.retry_after_s) == ("overloaded", 2.5)


def test_an_error_arrives_within_a_stream_too(serve: Callable[..., str]) -> None:
    with Stylizer(serve_stylizer(serve, Failing(errors.NumericalError("loss: found nan")))) as stylizer:
        snapshots = stylizer.stylize(FILM, FILM)
        with pytest.raises(ServiceError, match="numerical: loss: found nan"):
            next(snapshots)


def serve_stylizer(serve: Callable[..., str], failing: Failing) -> str:
    class Only(stylizer_pb2_grpc.StylizerServiceServicer):
        Stylize = staticmethod(failing.Stylize)

    return serve(Only())


def test_a_call_above_256_kib_is_made_again_when_its_server_was_away(serve: Callable[..., str]) -> None:
    servicer = Failing(errors.UnavailableError("leaving"), errors.UnavailableError("leaving"))
    film = np.zeros((600, 600), dtype=np.float32)
    with AnomalyDetector(serve(servicer)) as detector:
        assert detector.score(film).score == 720_000
    assert servicer.calls == 3


def test_a_server_that_stays_away_is_unavailable_in_the_end(serve: Callable[..., str]) -> None:
    servicer = Failing(*[errors.UnavailableError("leaving")] * 9)
    with AnomalyDetector(serve(servicer)) as detector, pytest.raises(ServiceError) as caught:
        detector.score(FILM)
    assert caught.value.code == "unavailable"
    assert servicer.calls == 5


def test_a_call_waits_for_a_server_that_is_not_there_yet(serve: Callable[..., str], unused_port: int) -> None:
    scores: list[float] = []
    with AnomalyDetector(f"127.0.0.1:{unused_port}") as detector:
        caller = threading.Thread(target=lambda: scores.append(detector.score(FILM, timeout=20).score))
        caller.start()
        ready = grpc.channel_ready_future(detector._connection.channel)
        with pytest.raises(grpc.FutureTimeoutError):
            ready.result(timeout=0.3)
        serve(Failing(), unused_port)
        caller.join()
    assert scores == [128.0]


def test_a_server_that_never_comes_is_a_deadline_that_passes(unused_port: int) -> None:
    with AnomalyDetector(f"127.0.0.1:{unused_port}") as detector, pytest.raises(ServiceError) as caught:
        detector.score(FILM, timeout=0.3)
    assert (caught.value.code, caught.value.status) == ("deadline_exceeded", "DEADLINE_EXCEEDED")


def test_a_program_that_is_no_mammosynth_is_told_by_its_status_alone(serve: Callable[..., str]) -> None:
    class Foreign(anomaly_pb2_grpc.AnomalyServiceServicer):
        def Score(self, request: Any, context: Any) -> Any:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "message larger than max")

    with AnomalyDetector(serve(Foreign())) as detector, pytest.raises(ServiceError) as caught:
        detector.score(FILM)
    assert (caught.value.code, caught.value.retry_after_s) == ("invalid_input", None)
