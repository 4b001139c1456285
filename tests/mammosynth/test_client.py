"""The client against servers on loopback."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from mammosynth.client import AnomalyDetector, Classifier, Generator, Recipe, Stylizer
from mammosynth.pixels import from_image, from_mask, to_image, to_mask
from mammosynth.v1 import (
    anomaly_pb2,
    anomaly_pb2_grpc,
    classifier_pb2,
    classifier_pb2_grpc,
    generation_pb2,
    generation_pb2_grpc,
    image_pb2,
    model_pb2,
    stylizer_pb2,
    stylizer_pb2_grpc,
)

FILM = (np.random.default_rng(0).integers(0, 65536, (8, 8)) / 65535).astype(np.float32)
OTHER = FILM[::-1].copy()
MASK = np.arange(64).reshape(8, 8) % 3 == 0
MODEL = model_pb2.ModelIdentity(name="unet", sha256="ab" * 32)
NUMERICS = model_pb2.Numerics(device_kind="cpu", dtype="float32", slots=2, threads=1, versions={"numpy": "2"})
DESCRIPTION = model_pb2.ModelDescription(
    identity=MODEL,
    input_size=256,
    region=image_pb2.REGION_BREAST,
    thresholds={"p95": 0.5},
    default_threshold="p95",
    metrics={"auc": 0.7},
    training_set_sha256="cd" * 32,
)


class Anomaly(anomaly_pb2_grpc.AnomalyServiceServicer):
    def Score(self, request: Any, context: Any) -> Any:
        self.request = request
        self.deadline = context.time_remaining()
        image = request.image if request.with_reconstruction else None
        return anomaly_pb2.ScoreResponse(score=0.25, reconstruction=image, model=MODEL, numerics=NUMERICS)

    def Info(self, request: Any, context: Any) -> Any:
        return anomaly_pb2.AnomalyServiceInfoResponse(
            model=DESCRIPTION, numerics=NUMERICS, queue_limit=64, version="1.2"
        )


class Classifying(classifier_pb2_grpc.ClassifierServiceServicer):
    def Classify(self, request: Any, context: Any) -> Any:
        self.request = request
        return classifier_pb2.ClassifyResponse(probability=0.75, logit=1.1, model=MODEL, numerics=NUMERICS)

    def Info(self, request: Any, context: Any) -> Any:
        return classifier_pb2.ClassifierServiceInfoResponse(model=DESCRIPTION, numerics=NUMERICS)


class Stylizing(stylizer_pb2_grpc.StylizerServiceServicer):
    def Stylize(self, request: Any, context: Any) -> Iterator[Any]:
        self.request = request
        for steps in (*request.snapshot_steps, request.recipe.steps):
            yield stylizer_pb2.StylizeResponse(
                image=request.style,
                steps=steps,
                evaluations=steps + 10,
                loss=3.0,
                content_loss=1.0,
                style_loss=2.0,
                mean_absolute_change=0.5,
                model=MODEL,
                numerics=NUMERICS,
            )

    def Info(self, request: Any, context: Any) -> Any:
        return stylizer_pb2.StylizerServiceInfoResponse(trunk=MODEL, numerics=NUMERICS, queue_limit=8, version="1.2")


class Generating(generation_pb2_grpc.GenerationServiceServicer):
    """Accepts every second pair, for ever."""

    def __init__(self) -> None:
        self.left = threading.Event()

    def Generate(self, request: Any, context: Any) -> Iterator[Any]:
        self.request = request
        context.add_callback(self.left.set)
        sent = 0
        pair = request.first_pair
        while context.is_active() and (not request.count or sent < request.count):
            if pair % 2 == 0:
                yield self.sample(pair)
                sent += 1
            pair += 1

    def sample(self, pair: int) -> Any:
        return generation_pb2.GenerateResponse(
            pair=pair,
            next_pair=pair + 1,
            image=to_image(FILM),
            mask=to_mask(MASK),
            content_image_id="c",
            content_patient_id="P_1",
            style_image_id="s",
            style_patient_id="P_2",
            trial=2,
            recipe=stylizer_pb2.Recipe(content_layer="conv_5", content_weight=0.0, style_weight=1e5, steps=250),
            anomaly_score=0.4,
            probability=0.9,
            content_probability=0.1,
            record_json=b'{"pair": 4}',
        )

    def Info(self, request: Any, context: Any) -> Any:
        return generation_pb2.GenerationServiceInfoResponse(
            dataset_sha256="ab", size=256, policies=["paper", "stable"], default_policy="stable", trunk=MODEL
        )


def test_a_film_and_its_mask_are_scored(serve: Callable[..., str]) -> None:
    servicer = Anomaly()
    with AnomalyDetector(serve(servicer)) as detector:
        score = detector.score(FILM, MASK, model_name="unet")
    np.testing.assert_array_equal(from_image(servicer.request.image), FILM)
    np.testing.assert_array_equal(from_mask(servicer.request.mask), MASK)
    assert servicer.request.model_name == "unet"
    assert 0 < servicer.deadline <= 61
    assert (score.score, score.reconstruction) == (0.25, None)
    assert (score.model.name, score.numerics.slots, score.numerics.versions) == ("unet", 2, {"numpy": "2"})


def test_the_reconstruction_comes_when_it_is_asked_for(serve: Callable[..., str]) -> None:
    with AnomalyDetector(serve(Anomaly())) as detector:
        np.testing.assert_array_equal(detector.score(FILM, with_reconstruction=True).reconstruction, FILM)


def test_a_film_without_a_mask_is_sent_without_one(serve: Callable[..., str]) -> None:
    servicer = Classifying()
    with Classifier(serve(servicer)) as classifier:
        answer = classifier.classify(FILM)
    assert not servicer.request.HasField("mask")
    assert (answer.probability, answer.logit, answer.model.sha256) == (0.75, 1.1, "ab" * 32)


def test_a_film_of_eight_mebibytes_is_scored(serve: Callable[..., str]) -> None:
    servicer = Anomaly()
    film = np.zeros((2048, 2048), dtype=np.float32)
    with AnomalyDetector(serve(servicer)) as detector:
        assert detector.score(film, with_reconstruction=True).reconstruction is not None


def test_snapshots_come_one_by_one(serve: Callable[..., str]) -> None:
    servicer = Stylizing()
    with Stylizer(serve(servicer)) as stylizer:
        snapshots = list(stylizer.stylize(FILM, OTHER, content_mask=MASK, steps=60, snapshot_steps=[20]))
    assert [(snapshot.steps, snapshot.evaluations) for snapshot in snapshots] == [(20, 30), (60, 70)]
    np.testing.assert_array_equal(snapshots[0].film, OTHER)
    np.testing.assert_array_equal(from_mask(servicer.request.content_mask), MASK)
    assert not servicer.request.HasField("style_mask")
    last = snapshots[-1]
    assert (last.loss, last.content_loss, last.style_loss, last.mean_absolute_change) == (3.0, 1.0, 2.0, 0.5)


def test_what_a_recipe_leaves_out_is_left_to_the_service(serve: Callable[..., str]) -> None:
    servicer = Stylizing()
    with Stylizer(serve(servicer)) as stylizer:
        list(stylizer.stylize(FILM, OTHER))
        assert servicer.request.recipe == stylizer_pb2.Recipe()
        list(stylizer.stylize(FILM, OTHER, recipe=Recipe(steps=5, content_weight=0.0), steps=7, region="breast"))
    recipe = servicer.request.recipe
    assert (recipe.steps, recipe.region) == (7, image_pb2.REGION_BREAST)
    assert recipe.HasField("content_weight")
    assert not recipe.HasField("style_weight")


def test_samples_come_with_what_they_were_made_of(serve: Callable[..., str]) -> None:
    with Generator(serve(Generating())) as generator:
        (sample,) = generator.generate(first_pair=3, count=1)
    np.testing.assert_array_equal(sample.film, FILM)
    np.testing.assert_array_equal(sample.mask, MASK)
    assert (sample.pair, sample.next_pair, sample.trial, sample.record) == (4, 5, 2, {"pair": 4})
    assert (sample.content_image_id, sample.content_patient_id) == ("c", "P_1")
    assert (sample.style_image_id, sample.style_patient_id) == ("s", "P_2")
    assert (sample.anomaly_score, sample.probability, sample.content_probability) == (0.4, 0.9, 0.1)
    assert sample.recipe == Recipe(content_layer="conv_5", content_weight=0.0, style_weight=1e5, steps=250)


def test_a_stream_goes_on_from_its_cursor_without_a_repeat(serve: Callable[..., str]) -> None:
    servicer = Generating()
    with Generator(serve(servicer)) as generator:
        first = list(generator.generate(seed=7, policy="paper", count=3, pair_limit=100))
        assert (servicer.request.seed, servicer.request.policy, servicer.request.pair_limit) == (7, "paper", 100)
        second = list(generator.generate(seed=7, first_pair=first[-1].next_pair, count=2))
    assert [sample.pair for sample in first + second] == [0, 2, 4, 6, 8]


def leave_by_closing(generator: Generator) -> Any:
    samples = generator.generate()
    next(samples)
    samples.close()
    assert list(samples) == []
    return samples


def leave_by_context(generator: Generator) -> Any:
    with generator.generate() as samples:
        next(samples)
    return samples


def leave_by_break(generator: Generator) -> None:
    for _ in generator.generate():
        break


@pytest.mark.parametrize("leave", [leave_by_closing, leave_by_context, leave_by_break])
def test_a_stream_that_is_left_ends_on_the_server(leave: Callable[[Generator], Any], serve: Any) -> None:
    servicer = Generating()
    with Generator(serve(servicer)) as generator:
        held = leave(generator)  # what is dropped ends by itself
        assert servicer.left.wait(10)
        del held


def test_services_tell_what_they_serve(serve: Callable[..., str]) -> None:
    with AnomalyDetector(serve(Anomaly())) as detector:
        info = detector.info()
    assert (info.model.name, info.input_size, info.region) == ("unet", 256, "breast")
    assert (info.thresholds, info.default_threshold, info.metrics) == ({"p95": 0.5}, "p95", {"auc": 0.7})
    assert (info.queue_limit, info.version, info.training_set_sha256) == (64, "1.2", "cd" * 32)
    with Classifier(serve(Classifying())) as classifier:
        assert classifier.info().numerics.device_kind == "cpu"
    with Stylizer(serve(Stylizing())) as stylizer:
        assert (stylizer.info().trunk.name, stylizer.info().queue_limit) == ("unet", 8)
    with Generator(serve(Generating())) as generator:
        assert (generator.info().policies, generator.info().default_policy) == (("paper", "stable"), "stable")


NAN = np.full((8, 8), np.nan, dtype=np.float32)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "NaN": (lambda: nobody(AnomalyDetector).score(NAN), "film: found values outside"),
    "integers": (lambda: nobody(Classifier).classify(np.zeros((8, 8), np.uint8)), "film: found dtype uint8"),
    "mask of another size": (
        lambda: nobody(Classifier).classify(FILM, MASK[:4]),
        r"mask: found shape \(4, 8\), needed the film's \(8, 8\)",
    ),
    "mask of numbers": (lambda: nobody(AnomalyDetector).score(FILM, FILM), "mask: found float32"),
    "content": (lambda: nobody(Stylizer).stylize(NAN, FILM), "content: found values outside"),
    "style of another size": (
        lambda: nobody(Stylizer).stylize(FILM, FILM[:4]),
        r"style: found shape \(4, 8\), needed the content's \(8, 8\)",
    ),
    "style mask": (lambda: nobody(Stylizer).stylize(FILM, FILM, style_mask=MASK[:4]), "style_mask: found shape"),
    "region": (
        lambda: nobody(Stylizer).stylize(FILM, FILM, region="arm"),
        r"recipe\.region: found 'arm', needed one of film, breast, lesion",
    ),
    "no steps": (lambda: nobody(Stylizer).stylize(FILM, FILM, steps=0), r"recipe\.steps: found 0, needed 1 or more"),
    "no time": (lambda: nobody(Classifier).classify(FILM, timeout=0), "timeout: found 0, needed seconds above 0"),
}


def nobody(kind: type) -> Any:
    """A client of an address where nobody listens: whatever is sent waits for a minute."""
    return kind("127.0.0.1:1")


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_sent_is_refused_before_any_call(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
