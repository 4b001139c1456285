"""What `review make` writes, and what it refuses."""

import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from services.evaluator.configuration import ReviewMakeConfiguration
from services.evaluator.review import make
from services.evaluator.review.study import Kind, Study
from shared.errors import ConfigurationError, DatasetError, NotFoundError
from shared.images import Film, to_uint16
from tests.services.evaluator.review.made import make_study, write_run
from tests.services.evaluator.run_writer import RunWriter


def shown(folder: Path) -> list[bytes]:
    """PNGs of the page, in their order."""
    page = (folder / "review.html").read_text(encoding="utf-8")
    found = re.findall(r'<script type="text/plain" id="film-(\d+)">([^<]+)</script>', page)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [base64.b64decode(text) for _, text in found]


def original(run: RunWriter, study: Study, place: int) -> Film:
    film = study.items[place].film
    return run.dataset.pixels(film.name) if film.kind is Kind.REAL else run.output(int(film.name), 1)


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page_shows_each_film_of_the_key_in_16_bit(run: RunWriter, study: Study, tmp_path: Path) -> None:
    pages = shown(tmp_path / "readers")

    assert len(pages) == len(study.items)
    for place, png in enumerate(pages):
        with Image.open(io.BytesIO(png)) as image:
            assert image.mode == "I;16"
            np.testing.assert_array_equal(np.asarray(image), to_uint16(original(run, study, place)))


def test_a_study_mixes_the_kinds_that_were_asked_for(run: RunWriter, tmp_path: Path) -> None:
    study = make_study(run, tmp_path / "readers", accepted=4, placebo=2, real=5, repeats=3)

    counts = {kind: sum(film.kind is kind for film in study.films) for kind in Kind}
    assert counts == {Kind.ACCEPTED: 4, Kind.PLACEBO: 2, Kind.REAL: 5}
    assert len(study.items) == 14


def test_real_films_are_as_many_as_synthetic_ones_and_of_others(run: RunWriter, study: Study) -> None:
    real = [film for film in study.films if film.kind is Kind.REAL]
    made = [film for film in study.films if film.kind is not Kind.REAL]

    assert (len(real), len(made)) == (9, 9)
    behind = {record["content"]["patient_id"] for record in records(run)} | {
        record["style"]["patient_id"] for record in records(run)
    }
    assert behind.isdisjoint(film.patient for film in real)


def records(run: RunWriter) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in (run.path / "pairs").glob("*.json")]


def test_vetoed_films_are_not_shown_again(run: RunWriter, tmp_path: Path) -> None:
    sha256 = json.loads((run.path / "pairs/000002.json").read_bytes())["sha256"]
    (run.path / "vetoed.json").write_text(
        json.dumps({"schema_version": 1, "vetoed": [{"pair": 2, "sha256": sha256, "reason": ""}]})
    )

    study = make_study(run, tmp_path / "readers")

    accepted = {film.name for film in study.films if film.kind is Kind.ACCEPTED}
    assert accepted == {"0", "1", "3", "4", "5"}


def test_the_same_command_writes_the_same_bytes_also_where_it_was_killed(run: RunWriter, tmp_path: Path) -> None:
    options: dict[str, Any] = {"run": str(run.path), "output": tmp_path / "readers", "dicom": True}
    make.run(ReviewMakeConfiguration(**options))
    (key,) = (run.path / "reviews").iterdir()
    whole, kept = folder_bytes(tmp_path / "readers"), key.read_bytes()
    (tmp_path / "readers/review.html").unlink()
    (tmp_path / "readers/dicom/0003.dcm").unlink()
    (tmp_path / "readers/dicom/.0004.dcm.x.part").write_bytes(b"half")

    make.run(ReviewMakeConfiguration(**options))

    (tmp_path / "readers/dicom/.0004.dcm.x.part").unlink()
    assert folder_bytes(tmp_path / "readers") == whole
    assert key.read_bytes() == kept


def test_another_seed_makes_another_study(run: RunWriter, study: Study, tmp_path: Path) -> None:
    other = make_study(run, tmp_path / "others", seed=1)

    assert other.study != study.study
    assert [item.film for item in other.items] != [item.film for item in study.items]


def test_a_study_does_not_go_into_the_folder_of_another(run: RunWriter, study: Study, tmp_path: Path) -> None:
    before = folder_bytes(tmp_path / "readers")

    with pytest.raises(ConfigurationError, match="found another study in"):
        make_study(run, tmp_path / "readers", seed=1)

    assert folder_bytes(tmp_path / "readers") == before


def test_a_folder_with_anything_else_is_refused(run: RunWriter, tmp_path: Path) -> None:
    (tmp_path / "readers").mkdir()
    (tmp_path / "readers/notes.txt").write_text("mine")

    with pytest.raises(ConfigurationError, match=r"--output: found notes\.txt"):
        make_study(run, tmp_path / "readers")

    assert not (run.path / "reviews").exists()


@pytest.mark.parametrize("above", [0, 1])
def test_the_key_never_lies_in_the_readers_folder(run: RunWriter, above: int) -> None:
    with pytest.raises(ConfigurationError, match="which holds the run and its key"):
        make_study(run, [run.path, *run.path.parents][above])


def test_the_folder_lies_beside_the_run_if_nothing_else_is_asked_for(run: RunWriter) -> None:
    assert make.run(ReviewMakeConfiguration(run=run.address)) == 0

    assert {path.name for path in run.path.with_name("run-review").iterdir()} == {"review.html"}


def test_a_page_that_no_browser_would_open_is_refused(
    run: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "_LARGEST_PAGE", 100_000)

    with pytest.raises(ConfigurationError, match=r"--picture-size: found \d+ films of 64 x 64 pixels"):
        make_study(run, tmp_path / "readers")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"found no run\.json"):
        make.run(ReviewMakeConfiguration(run=str(tmp_path / "nothing")))
    run = write_run(tmp_path, accepted=0, twins=2)
    with pytest.raises(DatasetError, match="found 0 accepted films and 0 vetoed, needed one left"):
        make.run(ReviewMakeConfiguration(run=run.address))
    run.add_accepted(0)
    (run.path / "accepted/000000.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="accepted film 0: its file is missing, or is not the film"):
        make.run(ReviewMakeConfiguration(run=run.address))
    shutil.rmtree(run.dataset.path)
    with pytest.raises(DatasetError, match="Give it with --dataset"):
        make.run(ReviewMakeConfiguration(run=run.address))
