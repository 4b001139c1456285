"""`--on lesions`: what a gate learns from, and what its file says of that."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.trainer.configuration import TrainAnomalyConfiguration, TrainClassifierConfiguration
from services.trainer.films import load_films, open_dataset
from services.trainer.train_classifier import _options
from shared.dataset import LesionCrops, Split
from shared.errors import DatasetError
from tests.shared.dataset.made_lesions import lesion, write_films
from tests.tiny_models import metadata


def classifier(path: Path, **options: Any) -> TrainClassifierConfiguration:
    return TrainClassifierConfiguration(dataset=path, start="random", **options)


def test_a_gate_on_lesions_learns_from_their_crops_and_regions(tmp_path: Path) -> None:
    whole = write_films(tmp_path / "set", (lesion(24, 20),), (), (lesion(26, 24, "malignant"), lesion(30, 40)))
    crops = open_dataset(classifier(whole.path, on="lesions", size=32))
    assert isinstance(crops, LesionCrops)
    films = load_films(crops, splits=[Split.TRAIN])
    assert [film.image_id for film in films.films] == ["film-0.0", "film-2.0", "film-2.1"]
    assert films.malignant.tolist() == [False, True, False]
    assert films.pixels.shape == (3, 32, 32)
    assert (films.masks[1] == crops.mask("film-2.0")).all()
    assert not isinstance(open_dataset(classifier(whole.path)), LesionCrops)


def test_crops_are_of_224_pixels_unless_a_size_is_given(tmp_path: Path) -> None:
    whole = write_films(tmp_path / "set", (lesion(24, 20),))
    with pytest.raises(DatasetError, match="whose window of 224 pixels lies inside the breast"):
        open_dataset(classifier(whole.path, on="lesions"))


def test_a_model_says_what_it_was_trained_on_and_one_of_whole_films_as_it_did_before(tmp_path: Path) -> None:
    assert "on" not in _options(classifier(tmp_path))
    assert _options(classifier(tmp_path, on="lesions"))["on"] == "lesions"
    assert "on" not in TrainAnomalyConfiguration(dataset=tmp_path).model_options()
    assert TrainAnomalyConfiguration(dataset=tmp_path, on="lesions").model_options()["on"] == "lesions"
    assert metadata("anomaly").on == "films"
    assert metadata("classifier", options={"on": "lesions"}).on == "lesions"


def test_a_battery_of_whole_films_is_refused_for_crops(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="--battery: cannot apply with --on lesions"):
        TrainAnomalyConfiguration(dataset=tmp_path, on="lesions", battery=tmp_path)
