"""The anomaly service on loopback, called by the client."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mammosynth.client import AnomalyDetector as Client
from mammosynth.client import ServiceError
from mammosynth.pixels import to_image, to_mask
from mammosynth.v1 import anomaly_pb2_grpc, image_pb2
from mammosynth.v1.anomaly_pb2 import ScoreRequest

from services.anomaly.detector import AnomalyDetector, Score
from services.anomaly.servicer import AnomalyServicer
from shared.models import read_model
from shared.scoring.batcher import Batcher
from shared.scoring.preparation import PreparedFilm
from shared.scoring.provider import Provider
from shared.scoring.session import ScoringSession
from tests import tiny_models
from tests.loopback import process, served, terminate
from tests.tiny_models import SIZE

FILMS = np.random.default_rng(1).random((24, 48, 48), dtype=np.float32)
FILM = FILMS[0]
MASK = np.zeros((48, 48), dtype=np.bool_)
MASK[:, :30] = True


class Recording:
    """Scores like the detector, but only once it is opened; keeps the sizes of its batches."""

    def __init__(self, detector: AnomalyDetector) -> None:
        self.detector = detector
        self.batcher: Batcher[PreparedFilm, Score]
        self.sizes: list[int] = []
        self.entered = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def __call__(self, films: Sequence[PreparedFilm]) -> list[Score]:
        self.sizes.append(len(films))
        self.entered.set()
        assert self.open.wait(10)
        return self.detector.score(films)


@asynccontextmanager
async def running(folder: Path, *, batch: int = 1, limit: int = 64) -> AsyncIterator[tuple[Client, Recording]]:
    tiny_models.write_anomaly(folder / "anomaly.onnx")
    artefact = read_model(folder / "anomaly.onnx", "anomaly")
    session = ScoringSession(artefact, provider=Provider.CPU, batch=batch, threads=1)
    recording = Recording(AnomalyDetector(session))
    batcher = recording.batcher = Batcher(recording, size=batch, limit=limit)
    servicer = AnomalyServicer(recording.detector, batcher, description=session.description, numerics=session.numerics)
    async with served(partial(anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server, servicer)) as address:
        with Client(address) as client:
            yield client, recording
    await batcher.close()


async def test_a_score_is_the_detectors_own(tmp_path: Path) -> None:
    async with running(tmp_path) as (client, recording):
        answer = await asyncio.to_thread(client.score, FILM, MASK, with_reconstruction=True)
        sent = (np.rint(FILM.astype(np.float64) * 65535) / 65535).astype(np.float32)
        (expected,) = recording.detector.score([recording.detector.prepare(sent, MASK)])
    assert answer.score == pytest.approx(expected.value, rel=1e-6)
    assert answer.reconstruction.shape == (SIZE, SIZE)
    assert (answer.model.name, answer.numerics.device_kind) == ("tiny-anomaly", "cpu")


async def test_scores_of_many_callers_are_to_the_bit_those_of_each_alone(tmp_path: Path) -> None:
    async with running(tmp_path, batch=4) as (client, recording):
        alone = [(await asyncio.to_thread(client.score, film, MASK)).score for film in FILMS]
        assert set(recording.sizes) == {1}
        calls = [asyncio.to_thread(client.score, film, MASK) for film in FILMS]
        together = [answer.score for answer in await asyncio.gather(*calls)]
    assert together == alone
    assert max(recording.sizes) > 1, "nobody was batched: the test shows nothing"


REFUSED = {
    "not square": ((FILM[:40], MASK[:40]), "image: found 40 x 48 pixels, needed a square"),
    "too small": ((FILM[:16, :16], MASK[:16, :16]), "image: found 16 x 16 pixels, needed 32 x 32 or more"),
    "no mask": ((FILM, None), "mask: found none"),
    "empty mask": ((FILM, np.zeros_like(MASK)), "mask: found no pixel inside"),
}


@pytest.mark.parametrize(("arrays", "message"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_film_that_cannot_be_scored_is_refused_and_the_service_goes_on(
    arrays: tuple[Any, Any], message: str, tmp_path: Path
) -> None:
    async with running(tmp_path) as (client, _):
        with pytest.raises(ServiceError, match=message) as caught:
            await asyncio.to_thread(client.score, *arrays)
        assert (caught.value.code, caught.value.status) == ("invalid_image", "INVALID_ARGUMENT")
        assert (await asyncio.to_thread(client.score, FILM, MASK)).score > 0


BROKEN = {
    "no image": (ScoreRequest(), "image: found none"),
    "no format": (ScoreRequest(image=image_pb2.Image(rows=48, columns=48)), "image.pixel_format: found 0"),
    "empty": (ScoreRequest(image=image_pb2.Image()), "image.rows: found 0, needed 1 to 8192"),
    "too few bytes": (
        ScoreRequest(image=image_pb2.Image(rows=48, columns=48, data=b"1", pixel_format="PIXEL_FORMAT_GRAY8")),
        "image.data: found 1 bytes, needed 2304",
    ),
    "mask of another size": (
        ScoreRequest(image=to_image(FILM), mask=to_mask(MASK[:20, :20])),
        r"mask: found shape \(20, 20\), needed the film's \(48, 48\)",
    ),
}


@pytest.mark.parametrize(("request_", "message"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_request_that_our_client_would_not_send_is_refused_too(
    request_: ScoreRequest, message: str, tmp_path: Path
) -> None:
    async with running(tmp_path) as (client, _):
        with pytest.raises(ServiceError, match=message) as caught:
            await asyncio.to_thread(client._connection.call, client._stub.Score, request_, 10.0)
    assert (caught.value.code, caught.value.status) == ("invalid_image", "INVALID_ARGUMENT")


async def test_another_model_than_the_one_served_is_refused_by_name(tmp_path: Path) -> None:
    async with running(tmp_path) as (client, _):
        with pytest.raises(ServiceError, match="found 'unet', needed 'tiny-anomaly'") as caught:
            await asyncio.to_thread(client.score, FILM, MASK, model_name="unet")
        assert (caught.value.code, caught.value.status) == ("model_mismatch", "FAILED_PRECONDITION")
        assert (await asyncio.to_thread(client.score, FILM, MASK, model_name="tiny-anomaly")).score > 0


async def test_a_full_queue_says_when_to_ask_again(tmp_path: Path) -> None:
    async with running(tmp_path, limit=1) as (client, recording):
        recording.open.clear()
        first = asyncio.create_task(asyncio.to_thread(client.score, FILM, MASK))
        await asyncio.to_thread(recording.entered.wait, 10)
        rest = [asyncio.create_task(asyncio.to_thread(client.score, FILM, MASK)) for _ in range(2)]
        (refused,), (waiting,) = await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
        recording.open.set()
        assert (await first).score == (await waiting).score
        with pytest.raises(ServiceError, match="queue: found 1 requests waiting, needed fewer than 1") as caught:
            await refused
    assert (caught.value.code, caught.value.status) == ("overloaded", "RESOURCE_EXHAUSTED")
    assert caught.value.retry_after_s > 0


async def test_a_caller_whose_time_ran_out_costs_no_work(tmp_path: Path) -> None:
    async with running(tmp_path) as (client, recording):
        recording.open.clear()
        first = asyncio.create_task(asyncio.to_thread(client.score, FILM, MASK))
        await asyncio.to_thread(recording.entered.wait, 10)
        with pytest.raises(ServiceError, match="deadline_exceeded"):
            await asyncio.to_thread(client.score, FILM, MASK, timeout=0.2)
        async with asyncio.timeout(10):
            while recording.batcher.waiting:
                await asyncio.sleep(0)
        recording.open.set()
        await first
        await asyncio.to_thread(client.score, FILM, MASK)
    assert recording.sizes == [1, 1]


def test_the_process_is_ready_after_its_warm_up_and_ends_on_sigterm(tmp_path: Path) -> None:
    sha256 = tiny_models.write_anomaly(tmp_path / "anomaly.onnx")
    variables = {
        "MAMMOSYNTH_ANOMALY_MODEL": str(tmp_path / "anomaly.onnx"),
        "MAMMOSYNTH_ANOMALY_SHA256": sha256,
        "MAMMOSYNTH_ANOMALY_BATCH": "3",
        "MAMMOSYNTH_ANOMALY_QUEUE_LIMIT": "5",
    }
    with process("services.anomaly", **variables) as (started, address), Client(address) as client:
        info = client.info()
        assert (info.model.name, info.model.sha256, info.input_size) == ("tiny-anomaly", sha256, SIZE)
        assert (info.default_threshold, info.thresholds["validation_p95"]) == ("validation_p95", 0.6)
        assert (info.numerics.slots, info.numerics.threads, info.queue_limit) == (3, 1, 5)
        assert client.score(FILM, MASK).score > 0
        assert terminate(started) == 143
