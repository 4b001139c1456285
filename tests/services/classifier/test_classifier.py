"""The classifier on a real session."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.classifier.classifier import Classifier
from shared.errors import InvalidImageError, NumericalError
from shared.models import read_model
from shared.scoring.provider import Provider
from shared.scoring.session import ScoringSession
from tests import tiny_models
from tests.tiny_models import SIZE

FILM = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32) / 50
MASK = np.zeros((SIZE, SIZE), dtype=np.bool_)
MASK[:, :20] = True


def classifier(folder: Path, **changes: Any) -> Classifier:
    tiny_models.write_classifier(folder / "classifier.onnx", **changes)
    artefact = read_model(folder / "classifier.onnx", "classifier")
    return Classifier(ScoringSession(artefact, provider=Provider.CPU, batch=2, threads=1))


def test_the_probability_is_the_logistic_function_of_the_logit(tmp_path: Path) -> None:
    model = classifier(tmp_path)
    first, second = model.classify([model.prepare(FILM, MASK), model.prepare(FILM / 3, MASK)])
    assert first.logit != second.logit
    for answer in (first, second):
        assert 0.0 < answer.probability < 1.0
        assert answer.probability == pytest.approx(1 / (1 + np.exp(-answer.logit)), rel=1e-5)


def test_pixels_outside_the_breast_do_not_count(tmp_path: Path) -> None:
    model = classifier(tmp_path)
    changed = FILM.copy()
    changed[:, 25:] = 1.0  # beyond the reach of a 3 x 3 kernel
    (first,), (second,) = (model.classify([model.prepare(film, MASK)]) for film in (FILM, changed))
    assert first == second


def test_a_film_without_a_mask_is_taken_where_the_models_region_is_the_film(tmp_path: Path) -> None:
    model = classifier(tmp_path, region="film")
    (answer,) = model.classify([model.prepare(FILM, None)])
    assert 0.0 < answer.probability < 1.0


def test_a_film_that_does_not_fit_is_refused_before_the_model_runs(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match="mask: found none"):
        classifier(tmp_path).prepare(FILM, None)


def test_a_logit_that_is_no_number_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = classifier(tmp_path)
    outputs = {"logit": np.array([np.inf]), "probability": np.array([1.0])}
    monkeypatch.setattr(model._session, "run", lambda films: outputs)
    with pytest.raises(NumericalError, match="logit: found inf"):
        model.classify([model.prepare(FILM, MASK)])
