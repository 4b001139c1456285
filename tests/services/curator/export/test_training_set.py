"""Which films an export for training code holds."""

from collections import Counter
from pathlib import Path

import pytest
import structlog

from services.curator.export.configuration import FolderExportConfiguration
from services.curator.export.harvest import Harvest
from services.curator.export.rows import Kind, Row
from services.curator.export.training_set import TrainingSet, lacking
from shared.dataset import Dataset, Label
from shared.errors import ConfigurationError, DatasetError
from tests.services.curator.export.made_run import ACCEPTED, veto
from tests.services.evaluator.run_writer import RunWriter


def choose(run: RunWriter, **options: object) -> TrainingSet:
    given = {"run": str(run.path), "output": "nowhere"} | options
    configuration = FolderExportConfiguration.resolve(given)
    return TrainingSet.choose(Harvest.gather(str(run.path), None, partial=False), configuration)


def tally(rows: list[Row]) -> Counter[tuple[str, str]]:
    return Counter((str(row.kind), str(row.label)) for row in rows)


def test_accepted_films_stand_alone_unless_real_ones_are_asked_for(run: RunWriter) -> None:
    rows = choose(run).rows()

    assert [row.pair for row in rows] == list(ACCEPTED)
    assert {row.kind for row in rows} == {Kind.SYNTHETIC}
    assert {row.label for row in rows} == {Label.MALIGNANT}


def test_real_films_are_those_of_the_training_split(run: RunWriter) -> None:
    rows = choose(run, real=True).rows()

    assert tally(rows) == {("real", "benign"): 6, ("real", "malignant"): 2, ("synthetic", "malignant"): 6}
    assert {row.split for row in rows if row.kind is Kind.REAL} == {"train"}


def test_films_of_generation_are_real_ones_too_when_asked_for(run: RunWriter) -> None:
    rows = choose(run, real=True, splits="train,generation").rows()

    assert tally(rows) == {("real", "benign"): 9, ("real", "malignant"): 4, ("synthetic", "malignant"): 6}


def test_a_balanced_set_takes_as_many_as_the_malignant_class_lacks(run: RunWriter) -> None:
    films = choose(run, balance=True)

    assert films.wanted == 4
    assert tally(films.rows()) == {("real", "benign"): 6, ("real", "malignant"): 2, ("synthetic", "malignant"): 4}
    assert [row.pair for row in films.rows() if row.pair is not None] == [0, 1, 2, 4]


def test_a_vetoed_film_gives_its_place_to_the_next(run: RunWriter) -> None:
    veto(run, 1)

    assert [row.pair for row in choose(run, balance=True).rows() if row.pair is not None] == [0, 2, 4, 5]


@pytest.mark.parametrize(
    ("ratio", "wanted"), [pytest.param("0.5", 1, id="half"), pytest.param("1.25", 6, id="more than benign")]
)
def test_the_ratio_says_how_many_malignant_films_stand_against_a_benign_one(
    run: RunWriter, ratio: str, wanted: int
) -> None:
    films = choose(run, balance=True, ratio=ratio)

    assert films.wanted == wanted == len(films.accepted)


def test_a_balance_that_cannot_be_had_is_said(run: RunWriter) -> None:
    with structlog.testing.capture_logs() as logs:
        films = choose(run, balance=True, ratio="2")

    assert (films.wanted, len(films.accepted)) == (10, 6)
    assert "found 6 accepted films, needed 10" in logs[-1]["event"]


def test_a_class_that_lacks_nothing_gets_nothing_and_it_is_said(run: RunWriter) -> None:
    with structlog.testing.capture_logs() as logs:
        films = choose(run, balance=True, ratio="0.3")

    assert films.accepted == ()
    assert "lack no malignant one" in logs[-1]["event"]


def test_what_is_lacking_is_counted_from_the_films(dataset: Dataset) -> None:
    assert lacking(dataset.select(label=Label.BENIGN), ratio=1.0) == 11
    assert lacking(dataset.select(label=Label.MALIGNANT), ratio=1.0) == 0


def test_a_ratio_without_balance_is_refused(run: RunWriter) -> None:
    with pytest.raises(ConfigurationError, match="--ratio: says nothing without --balance"):
        choose(run, ratio="2")


def test_rows_name_both_patients_so_that_a_split_by_patient_stays_clean(run: RunWriter, dataset: Dataset) -> None:
    patients = {film.patient_id: film.split for film in dataset.films}
    for row in choose(run, real=True).rows():
        if row.kind is Kind.REAL:
            assert (row.content_patient_id, row.style_patient_id) == (dataset.film(row.image_id).patient_id, "")
        else:
            assert row.content_patient_id == dataset.film(row.content_image_id).patient_id
            assert row.style_patient_id == dataset.film(row.style_image_id).patient_id
            assert {patients[row.content_patient_id], patients[row.style_patient_id]} == {"generation"}


def test_a_film_that_is_not_the_tables_is_refused(run: RunWriter, dataset: Dataset, tmp_path: Path) -> None:
    films = choose(run, real=True)
    row = films.rows()[0]
    other = tmp_path / "other"
    (other / "images").mkdir(parents=True)
    stranger = dataset.path / "images" / "train-malignant-0.png"
    (other / "images" / f"{row.image_id}.png").write_bytes(stranger.read_bytes())
    films.harvest.dataset.path = other

    with pytest.raises(DatasetError, match="its pixels are not those of the data set's table"):
        films.image(row)


def test_a_run_without_accepted_films_has_nothing_to_export(run: RunWriter) -> None:
    for pair in ACCEPTED:
        run.add_rejected(pair, "still_benign")

    with pytest.raises(DatasetError, match="holds no accepted film"):
        choose(run)
