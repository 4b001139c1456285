"""The anomaly detector on a real session."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.anomaly.detector import AnomalyDetector
from shared.errors import InvalidImageError, NumericalError
from shared.models import read_model
from shared.scoring.provider import Provider
from shared.scoring.session import ScoringSession
from tests import tiny_models
from tests.tiny_models import SIZE

FILM = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
MASK = np.zeros((SIZE, SIZE), dtype=np.bool_)
MASK[:, :20] = True


def detector(folder: Path, **changes: Any) -> AnomalyDetector:
    tiny_models.write_anomaly(folder / "anomaly.onnx", **changes)
    artefact = read_model(folder / "anomaly.onnx", "anomaly")
    return AnomalyDetector(ScoringSession(artefact, provider=Provider.CPU, batch=2, threads=1))


def test_the_score_is_the_mean_error_inside_the_breast(tmp_path: Path) -> None:
    scorer = detector(tmp_path)
    (score,) = scorer.score([scorer.prepare(FILM, MASK)])
    assert score.value == pytest.approx(np.abs(FILM - raw_reconstruction(scorer))[MASK].mean(), rel=1e-5)


def test_pixels_outside_the_breast_do_not_count(tmp_path: Path) -> None:
    scorer = detector(tmp_path)
    changed = FILM.copy()
    changed[:, 25:] = 0.0  # beyond the reach of two 3 x 3 kernels
    (first,), (second,) = (scorer.score([scorer.prepare(film, MASK)]) for film in (FILM, changed))
    assert first.value == second.value


def test_everything_counts_where_the_models_region_is_the_film(tmp_path: Path) -> None:
    scorer = detector(tmp_path, region="film")
    (score,) = scorer.score([scorer.prepare(FILM, None)])
    assert score.value == pytest.approx(np.abs(FILM - raw_reconstruction(scorer)).mean(), rel=1e-5)


def test_the_reconstruction_is_a_film(tmp_path: Path) -> None:
    scorer = detector(tmp_path)
    (score,) = scorer.score([scorer.prepare(FILM, MASK)])
    np.testing.assert_array_equal(score.reconstruction, np.clip(raw_reconstruction(scorer), 0.0, 1.0))


def test_a_film_that_does_not_fit_is_refused_before_the_model_runs(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match="needed 32 x 32 or more"):
        detector(tmp_path).prepare(FILM[:20, :20], MASK[:20, :20])


def test_a_score_that_is_no_number_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = detector(tmp_path)
    outputs = {"score": np.array([np.nan]), "reconstruction": np.zeros((1, 1, SIZE, SIZE))}
    monkeypatch.setattr(scorer._session, "run", lambda films: outputs)
    with pytest.raises(NumericalError, match="score: found nan"):
        scorer.score([scorer.prepare(FILM, MASK)])


def raw_reconstruction(scorer: AnomalyDetector) -> np.ndarray:
    return scorer._session.run([scorer.prepare(FILM, MASK)])["reconstruction"][0, 0]
