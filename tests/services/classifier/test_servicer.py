"""The classifier service on loopback, called by the client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from mammosynth.client import Classifier as Client
from mammosynth.client import ServiceError
from mammosynth.v1 import classifier_pb2, classifier_pb2_grpc

from services.classifier.classifier import Classifier
from services.classifier.servicer import ClassifierServicer
from shared.models import read_model
from shared.scoring.batcher import Batcher
from shared.scoring.provider import Provider
from shared.scoring.session import ScoringSession
from tests import tiny_models
from tests.loopback import process, served, terminate
from tests.tiny_models import SIZE

FILMS = np.random.default_rng(1).random((24, 48, 48), dtype=np.float32) / 50
FILM = FILMS[0]
MASK = np.zeros((48, 48), dtype=np.bool_)
MASK[:, :30] = True


@asynccontextmanager
async def running(folder: Path, *, batch: int = 1) -> AsyncIterator[tuple[Client, Classifier]]:
    tiny_models.write_classifier(folder / "classifier.onnx")
    artefact = read_model(folder / "classifier.onnx", "classifier")
    session = ScoringSession(artefact, provider=Provider.CPU, batch=batch, threads=1)
    classifier = Classifier(session)
    batcher = Batcher(classifier.classify, size=batch, limit=64)
    servicer = ClassifierServicer(classifier, batcher, description=session.description, numerics=session.numerics)
    async with served(partial(classifier_pb2_grpc.add_ClassifierServiceServicer_to_server, servicer)) as address:
        with Client(address) as client:
            yield client, classifier
    await batcher.close()


async def test_a_probability_is_the_classifiers_own(tmp_path: Path) -> None:
    async with running(tmp_path) as (client, classifier):
        answer = await asyncio.to_thread(client.classify, FILM, MASK)
        sent = (np.rint(FILM.astype(np.float64) * 65535) / 65535).astype(np.float32)
        (expected,) = classifier.classify([classifier.prepare(sent, MASK)])
    assert answer.logit == pytest.approx(expected.logit, rel=1e-5)
    assert answer.probability == pytest.approx(expected.probability, rel=1e-5)
    assert (answer.model.name, answer.numerics.device_kind) == ("tiny-classifier", "cpu")


async def test_answers_to_many_callers_are_to_the_bit_those_to_each_alone(tmp_path: Path) -> None:
    async with running(tmp_path, batch=4) as (client, _):
        alone = [await asyncio.to_thread(client.classify, film, MASK) for film in FILMS]
        together = await asyncio.gather(*(asyncio.to_thread(client.classify, film, MASK) for film in FILMS))
    assert list(together) == alone
    assert len({answer.logit for answer in alone}) == len(FILMS)


REFUSED = {
    "not square": (FILM[:40], MASK[:40], "image: found 40 x 48 pixels, needed a square"),
    "too small": (FILM[:16, :16], MASK[:16, :16], "image: found 16 x 16 pixels, needed 32 x 32 or more"),
    "no mask": (FILM, None, "mask: found none"),
}


@pytest.mark.parametrize(("film", "mask", "message"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_film_that_cannot_be_classified_is_refused_and_the_service_goes_on(
    film: np.ndarray, mask: np.ndarray | None, message: str, tmp_path: Path
) -> None:
    async with running(tmp_path) as (client, _):
        with pytest.raises(ServiceError, match=message) as caught:
            await asyncio.to_thread(client.classify, film, mask)
        assert (caught.value.code, caught.value.status) == ("invalid_image", "INVALID_ARGUMENT")
        assert (await asyncio.to_thread(client.classify, FILM, MASK)).probability > 0


async def test_a_request_without_a_film_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as (client, _):
        request = classifier_pb2.ClassifyRequest()
        with pytest.raises(ServiceError, match="image: found none"):
            await asyncio.to_thread(client._connection.call, client._stub.Classify, request, 10.0)


async def test_another_model_than_the_one_served_is_refused_by_name(tmp_path: Path) -> None:
    async with running(tmp_path) as (client, _):
        with pytest.raises(ServiceError, match="found 'resnet', needed 'tiny-classifier'") as caught:
            await asyncio.to_thread(client.classify, FILM, MASK, model_name="resnet")
    assert caught.value.code == "model_mismatch"


def test_the_process_is_ready_after_its_warm_up_and_ends_on_sigterm(tmp_path: Path) -> None:
    sha256 = tiny_models.write_classifier(tmp_path / "classifier.onnx")
    variables = {"MAMMOSYNTH_CLASSIFIER_MODEL": str(tmp_path / "classifier.onnx"), "MAMMOSYNTH_CLASSIFIER_BATCH": "2"}
    with process("services.classifier", **variables) as (started, address), Client(address) as client:
        info = client.info()
        assert (info.model.name, info.model.sha256, info.input_size) == ("tiny-classifier", sha256, SIZE)
        assert (info.default_threshold, info.numerics.slots, info.queue_limit) == ("cutoff", 2, 64)
        assert 0 < client.classify(FILM, MASK).probability < 1
        assert terminate(started) == 143
