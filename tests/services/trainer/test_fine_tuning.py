from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from services.trainer.configuration import TrainClassifierConfiguration
from services.trainer.films import FilmSet
from services.trainer.fine_tuning import FineTuned, FineTuning
from services.trainer.standardisation import breast_statistics
from shared.determinism import reproducible
from shared.errors import ConfigurationError

TRAINED, WATCHED = np.arange(28), np.arange(28, 40)


def fine_tuning(films: FilmSet, **options: Any) -> FineTuning:
    given = {"backbone": "resnet18", "start": "random", "epochs": 2, "batch_size": 8, "device": "cpu", "seed": 3}
    configuration = TrainClassifierConfiguration(dataset=Path("data"), **(given | options))
    return FineTuning(films, breast_statistics(films), configuration)


def fitted(films: FilmSet, watch: np.ndarray | None = WATCHED, indices: np.ndarray = TRAINED, **options: Any):
    with reproducible(seed=0, threads=1):
        return fine_tuning(films, **options).fit(indices, watch=watch)


@pytest.fixture(scope="module")
def plain(training: FilmSet) -> FineTuned:
    return fitted(training)


def test_each_epoch_is_validated_on_the_films_to_watch(plain: FineTuned, training: FilmSet):
    truth, logits = training.malignant[WATCHED], plain.logits(WATCHED)
    probabilities = 1 / (1 + np.exp(-logits))
    first, last = plain.history().epochs
    assert last["validation_loss"] == pytest.approx(log_loss(truth, probabilities), abs=1e-5)
    assert last["validation_auc"] == pytest.approx(roc_auc_score(truth, logits))
    assert last["validation_accuracy"] == pytest.approx(np.mean((probabilities >= 0.5) == truth))
    assert first["validation_loss"] != last["validation_loss"]
    assert plain.figures()["kept_epoch"] == 2


def test_watching_changes_nothing_in_what_is_learnt(plain: FineTuned, training: FilmSet):
    unwatched = fitted(training, watch=None)
    assert "validation_loss" not in unwatched.history().kept
    np.testing.assert_array_equal(unwatched.logits(WATCHED), plain.logits(WATCHED))


@pytest.mark.parametrize("option", [{"balance": "weights"}, {"balance": "sampling"}, {"augment": True}], ids=str)
def test_every_option_of_the_training_takes_part_in_it(option: dict, plain: FineTuned, training: FilmSet):
    rare = np.array([index for index in TRAINED if not training.malignant[index] or index < 8])
    options = {"epochs": 1} | option
    other, again = (fitted(training, indices=rare, **options).logits(WATCHED) for _ in range(2))
    assert not np.array_equal(other, fitted(training, indices=rare, epochs=1).logits(WATCHED))
    np.testing.assert_array_equal(other, again)


def test_a_fit_without_films_to_watch_takes_patients_out_of_its_own(training: FilmSet, monkeypatch: pytest.MonkeyPatch):
    way = fine_tuning(training, keep="validation_loss", epochs=1)
    seen: list[np.ndarray] = []
    monkeypatch.setattr(way, "_shown", lambda batch, _epoch: (seen.append(batch), training.batch(batch))[1])
    validated: list[np.ndarray] = []
    validate = way._validate
    monkeypatch.setattr(way, "_validate", lambda gate, watch: (validated.append(watch), validate(gate, watch))[1])
    with reproducible(seed=0, threads=1):
        way.fit(TRAINED)
    (watched,), learnt = validated, np.concatenate(seen)
    assert sorted([*watched, *learnt]) == TRAINED.tolist()
    assert not set(training.patients[watched]) & set(training.patients[learnt])
    assert {True, False} == set(training.malignant[watched].tolist())


def test_too_few_patients_to_spare_any_are_refused(training: FilmSet):
    with pytest.raises(ConfigurationError, match="needed are two patients of each class"):
        fine_tuning(training, patience=1).fit(np.arange(4))


def test_mixed_precision_is_refused_before_any_work(training: FilmSet):
    with pytest.raises(ConfigurationError, match="--mixed-precision"):
        fine_tuning(training, mixed_precision=True)


def test_a_loss_in_bfloat16_trains_float32_weights(training: FilmSet):
    way = fine_tuning(training, epochs=1)
    way._precision = lambda: torch.autocast("cpu", dtype=torch.bfloat16)
    with reproducible(seed=0, threads=1):
        mixed = way.fit(TRAINED, watch=WATCHED)
    assert {parameter.dtype for parameter in mixed.network.parameters()} == {torch.float32}
    full = fitted(training, epochs=1)
    assert not np.array_equal(mixed.logits(WATCHED), full.logits(WATCHED))
    assert np.abs(mixed.logits(WATCHED) - full.logits(WATCHED)).max() < 1
