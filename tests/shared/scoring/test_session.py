"""Real ONNX Runtime sessions on tiny models."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from shared.errors import ModelError
from shared.models import read_model
from shared.scoring.batcher import Batcher
from shared.scoring.preparation import PreparedFilm
from shared.scoring.provider import Provider
from shared.scoring.session import ScoringSession
from tests import tiny_models
from tests.tiny_models import SIZE


def open_session(path: Path, kind: str = "anomaly", **options: Any) -> ScoringSession:
    values: dict[str, Any] = {"provider": Provider.CPU, "batch": None, "threads": 1}
    return ScoringSession(read_model(path, kind), **(values | options))


def films(count: int) -> list[PreparedFilm]:
    noise = np.random.default_rng(5).random((count, SIZE, SIZE), dtype=np.float32)
    return [PreparedFilm(film, film > 0.3) for film in noise]


@pytest.fixture
def anomaly(tmp_path: Path) -> Path:
    tiny_models.write_anomaly(tmp_path / "anomaly.onnx")
    return tmp_path / "anomaly.onnx"


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    tiny_models.write_classifier(tmp_path / "classifier.onnx")
    return tmp_path / "classifier.onnx"


def test_outputs_are_those_of_the_model_computed_by_hand(anomaly: Path) -> None:
    (prepared,) = films(1)
    outputs = open_session(anomaly).run([prepared])
    reconstruction = outputs["reconstruction"][0, 0]
    error = np.abs(prepared.film - reconstruction)[prepared.mask].mean()
    assert outputs["score"] == pytest.approx([error], rel=1e-5)
    assert reconstruction.shape == (SIZE, SIZE)


@pytest.mark.parametrize(("options", "detector"), [({"detector": "texture"}, "texture"), ({}, "unet")])
def test_a_session_tells_what_the_model_file_tells(tmp_path: Path, options: dict[str, Any], detector: str) -> None:
    sha256 = tiny_models.write_anomaly(tmp_path / "anomaly.onnx", options=options)
    description = open_session(tmp_path / "anomaly.onnx").description
    assert (description.identity.sha256, description.detector) == (sha256, detector)
    assert (description.thresholds, description.input_size) == ({"training_p95": 0.5, "validation_p95": 0.6}, SIZE)


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 13])
@pytest.mark.parametrize("kind", ["anomaly", "classifier"])
def test_a_films_bits_are_the_same_alone_beside_others_and_in_any_slot(
    kind: str, batch: int, anomaly: Path, classifier: Path
) -> None:
    session = open_session(anomaly if kind == "anomaly" else classifier, kind, batch=batch)
    several = films(batch)
    together = session.run(several)
    moved = session.run(several[::-1])
    for slot, film in enumerate(several):
        alone = session.run([film])
        for name, values in together.items():
            assert values[slot].tobytes() == alone[name][0].tobytes()
            assert moved[name][::-1][slot].tobytes() == alone[name][0].tobytes()


async def test_a_score_does_not_depend_on_who_else_calls(tmp_path: Path) -> None:
    data = tiny_models.anomaly_graph(sees_batch=True).SerializeToString()
    tiny_models.write_model(tmp_path / "sensitive.onnx", data, tiny_models.metadata("anomaly"))
    session = open_session(tmp_path / "sensitive.onnx", batch=4, threads=2)
    sizes = []

    def run(batch: Any) -> list[bytes]:
        sizes.append(len(batch))
        outputs = session.run(batch)
        return [b"".join(rows[slot].tobytes() for rows in outputs.values()) for slot in range(len(batch))]

    several = films(64)
    alone = [run([film])[0] for film in several]
    sizes.clear()
    batcher = Batcher(run, size=4, limit=64)
    calls = (batcher.submit(lambda film=film: film) for film in several)
    assert await asyncio.gather(*calls) == alone
    assert max(sizes) > 1, "nobody was batched: the test shows nothing"
    await batcher.close()


def test_the_batch_is_one_film_on_a_cpu_unless_told(anomaly: Path) -> None:
    assert open_session(anomaly).batch == 1
    assert open_session(anomaly, batch=6).batch == 6


def test_auto_takes_the_cpu_where_there_is_no_gpu(anomaly: Path) -> None:
    session = open_session(anomaly, provider=Provider.AUTO)
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        assert session.numerics.device_kind == "cpu"


def test_numerics_name_the_device_the_shape_and_the_versions(anomaly: Path) -> None:
    numerics = open_session(anomaly, batch=3, threads=2).numerics
    assert (numerics.device_kind, numerics.dtype, numerics.slots, numerics.threads) == ("cpu", "float32", 3, 2)
    assert numerics.versions["onnxruntime"] == onnxruntime.__version__
    assert set(numerics.versions) == {"mammosynth", "numpy", "onnxruntime", "pillow"}


def test_cuda_is_refused_when_the_build_has_none(anomaly: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ModelError, match="--provider cuda: found CPUExecutionProvider, needed CUDAExecutionProvider"):
        open_session(anomaly, provider=Provider.CUDA)


class FallenBack:
    """A session of a GPU build that found no GPU: ONNX Runtime says so to nobody but those who ask."""

    def __init__(self, data: bytes, sess_options: Any, providers: list[Any]) -> None:
        assert providers[0][0] == "CUDAExecutionProvider"
        self._session = onnxruntime.capi.onnxruntime_inference_collection.InferenceSession(
            data, sess_options=sess_options, providers=["CPUExecutionProvider"]
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.fixture
def build_without_gpu(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: calls.append("preload_dlls"))
    monkeypatch.setattr(onnxruntime, "InferenceSession", FallenBack)
    return calls


def test_cuda_that_fell_back_in_silence_is_refused(anomaly: Path, build_without_gpu: list[str]) -> None:
    with pytest.raises(ModelError, match=r"found CPUExecutionProvider, needed CUDAExecutionProvider.*see a GPU"):
        open_session(anomaly, provider=Provider.CUDA)
    assert build_without_gpu == ["preload_dlls"]


def test_auto_that_fell_back_runs_on_the_cpu_and_says_so(anomaly: Path, build_without_gpu: list[str]) -> None:
    session = open_session(anomaly, provider=Provider.AUTO)
    assert (session.numerics.device_kind, session.batch) == ("cpu", 1)


def test_a_model_with_a_fixed_batch_is_refused_for_another(tmp_path: Path) -> None:
    data = tiny_models.anomaly_graph(batch=2).SerializeToString()
    tiny_models.write_model(tmp_path / "fixed.onnx", data, tiny_models.metadata("anomaly"))
    with pytest.raises(ModelError, match="takes batches of 2 only, needed 1"):
        open_session(tmp_path / "fixed.onnx")


def test_the_warm_up_passes_a_sound_model(anomaly: Path, classifier: Path) -> None:
    open_session(anomaly, batch=4).warm_up()
    open_session(classifier, "classifier", batch=4).warm_up()


def test_the_warm_up_refuses_a_model_whose_films_see_one_another(
    anomaly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(anomaly, batch=4)
    honest = session.run

    def leaking(films: Any) -> Any:
        outputs = honest(films)
        outputs["score"] += np.float32(1e-6) * len(films)
        return outputs

    monkeypatch.setattr(session, "run", leaking)
    with pytest.raises(ModelError, match="output score of a film depends on its place among 4"):
        session.warm_up()
