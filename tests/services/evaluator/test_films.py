from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.evaluator.films import OriginalFilms
from shared.dataset import Dataset, Label
from shared.errors import DatasetError
from shared.record import Source
from tests.services.evaluator.run_writer import write_dataset


def source(dataset: Dataset, label: Label = Label.BENIGN) -> Source:
    film = dataset.select(label=label)[0]
    return Source(image_id=film.image_id, patient_id=film.patient_id, sha256=film.sha256)


def test_the_data_set_is_the_one_that_the_run_was_started_with(dataset: Dataset) -> None:
    originals = OriginalFilms.open(None, {"dataset": str(dataset.path)}, dataset.sha256)

    assert originals.problem == ""
    assert (originals.count(Label.BENIGN), originals.count(Label.MALIGNANT)) == (3, 2)
    found = originals.film(source(dataset))
    assert found is not None
    np.testing.assert_array_equal(found[0], dataset.pixels(source(dataset).image_id))
    assert originals.about(source(dataset)) == "phantom, left, CC, BENIGN"


def test_a_data_set_that_is_given_goes_before(dataset: Dataset) -> None:
    originals = OriginalFilms.open(dataset.path, {"dataset": "/nowhere"}, dataset.sha256)

    assert originals.problem == ""


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        pytest.param({}, "does not say where", id="not told"),
        pytest.param({"dataset": "/nowhere"}, "/nowhere: no such folder", id="gone"),
    ],
)
def test_without_a_data_set_there_are_no_films_and_a_reason(options: dict[str, str], problem: str) -> None:
    originals = OriginalFilms.open(None, options, "ab")

    assert problem in originals.problem
    assert "--dataset" in originals.problem
    assert originals.film(Source(image_id="a", patient_id="b", sha256="c")) is None
    assert originals.about(Source(image_id="a", patient_id="b", sha256="c")) == ""
    assert originals.count(Label.BENIGN) is None


def test_a_data_set_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        OriginalFilms.open(tmp_path / "nothing", {}, "ab")


def test_of_another_data_set_only_the_same_pixels_are_shown(dataset: Dataset, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", contents=4)
    originals = OriginalFilms.open(other.path, {}, dataset.sha256)

    assert "is not the one" in originals.problem
    assert originals.count(Label.BENIGN) is None
    assert originals.film(source(dataset)) is not None
    assert originals.film(replace(source(dataset), sha256="00" * 32)) is None
    assert originals.film(replace(source(dataset), image_id="unknown")) is None


def test_a_film_whose_file_is_gone_is_not_shown(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset")
    (dataset.path / "images" / f"{source(dataset).image_id}.png").unlink()

    assert OriginalFilms.open(dataset.path, {}, dataset.sha256).film(source(dataset)) is None
