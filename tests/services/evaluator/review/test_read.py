"""What `review read` writes: scores, and vetoes that exports and the report obey."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.curator.export import folder as export_folder
from services.curator.export.configuration import FolderExportConfiguration
from services.evaluator.configuration import ReportConfiguration, ReviewReadConfiguration
from services.evaluator.report.command import run as report
from services.evaluator.review import read
from services.evaluator.review.study import Item, Kind, Study
from shared.errors import DatasetError, NotFoundError
from tests.services.evaluator.review.made import answer_file, make_study, write_run
from tests.services.evaluator.run_writer import RunWriter


def accepted(study: Study) -> list[Item]:
    """First showings of accepted films."""
    return [item for item in study.items if item.film.kind is Kind.ACCEPTED and item.repeats is None]


def usable(study: Study, *, but: Sequence[int]) -> dict[int, bool]:
    return {item.number: item.number not in but for item in study.items}


def read_back(run: RunWriter, *files: Path, **options: Any) -> dict[str, Any]:
    assert read.run(ReviewReadConfiguration(run=run.address, answers=files, **options)) == 0
    (scores,) = (run.path / "reviews").glob("*-scores.json")
    return json.loads(scores.read_bytes())


def vetoed(run: RunWriter) -> dict[int, str]:
    file = run.path / "vetoed.json"
    return {veto["pair"]: veto["reason"] for veto in json.loads(file.read_bytes())["vetoed"]} if file.exists() else {}


def test_a_film_called_not_usable_is_in_no_export_and_counted_as_vetoed(
    run: RunWriter, study: Study, tmp_path: Path
) -> None:
    bad = accepted(study)[1]
    real = next(item for item in study.items if item.film.kind is Kind.REAL)
    said = usable(study, but=[bad.number, real.number])
    file = answer_file(study, tmp_path / "AB.json", "AB", usable=said, comment={bad.number: "doubled <skin> line"})

    result = read_back(run, file)

    pair = int(bad.film.name)
    assert vetoed(run) == {pair: "called not usable by AB: AB: doubled <skin> line"}
    assert {entry["film"]["name"] for entry in result["rejected"]} == {bad.film.name, real.film.name}
    configuration = FolderExportConfiguration(run=str(run.path), output=str(tmp_path / "out"))
    assert export_folder.run(configuration) == 0
    with (tmp_path / "out/metadata.csv").open() as table:
        exported = {int(row["pair"]) for row in csv.DictReader(table)}
    assert exported == {int(item.film.name) for item in accepted(study)} - {pair}
    assert report(ReportConfiguration(run=run.address)) == 0
    page = " ".join((run.path / "report.html").read_text(encoding="utf-8").split())
    assert "Films vetoed" in page
    assert "Vetoed: called not usable by AB: AB: doubled &lt;skin&gt; line" in page


@pytest.mark.parametrize(
    ("rule", "expected"), [("any", {0, 1, 2}), ("majority", {1, 2}), ("all", {2}), ("none", set())]
)
def test_the_rule_says_how_many_readers_it_takes(
    run: RunWriter, study: Study, tmp_path: Path, rule: str, expected: set[int]
) -> None:
    numbers = [item.number for item in accepted(study)]
    files = [
        answer_file(study, tmp_path / f"{reader}.json", reader, usable=usable(study, but=but))
        for reader, but in (("A", numbers[:3]), ("B", numbers[1:3]), ("C", numbers[2:3]))
    ]

    read_back(run, *files, veto=rule)

    assert set(vetoed(run)) == {int(accepted(study)[place].film.name) for place in expected}


def test_a_no_at_the_second_showing_counts(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    study = make_study(run, tmp_path / "readers", repeats=9)
    again = next(item for item in study.items if item.repeats and item.film.kind is Kind.ACCEPTED)

    read_back(run, answer_file(study, tmp_path / "A.json", "A", usable=usable(study, but=[again.number])))

    assert set(vetoed(run)) == {int(again.film.name)}


def test_reading_again_replaces_the_vetoes_of_this_study_alone(run: RunWriter, study: Study, tmp_path: Path) -> None:
    first, second, third = accepted(study)[:3]
    by_hand = {"pair": int(first.film.name), "sha256": first.film.sha256, "reason": "by hand"}
    (run.path / "vetoed.json").write_text(json.dumps({"schema_version": 1, "vetoed": [by_hand]}))
    path = tmp_path / "A.json"

    read_back(run, answer_file(study, path, "A", usable=usable(study, but=[first.number, second.number])))
    assert set(vetoed(run)) == {int(first.film.name), int(second.film.name)}
    read_back(run, answer_file(study, path, "A", usable=usable(study, but=[third.number])))

    assert vetoed(run) == {int(first.film.name): "by hand", int(third.film.name): "called not usable by A"}


def test_without_rejections_there_is_no_file_of_vetoes(run: RunWriter, study: Study, tmp_path: Path) -> None:
    result = read_back(run, answer_file(study, tmp_path / "A.json", "A", usable=usable(study, but=[])))

    assert not (run.path / "vetoed.json").exists()
    assert (result["rejected"], result["vetoed"]) == ([], 0)


def test_scores_are_written_and_printed(
    run: RunWriter, study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    truth = {item.number: "real" if item.film.kind is Kind.REAL else "synthetic" for item in study.items}
    files = [answer_file(study, tmp_path / f"{reader}.json", reader, origin=truth) for reader in "AB"]

    result = read_back(run, *files)

    assert [reader["origin_accuracy"]["share"] for reader in result["readers"]] == [1.0, 1.0]
    assert result["between_readers"][0]["agreements"]["origin"]["kappa"] == 1.0
    printed = capsys.readouterr().out
    assert "Reader A: 0 of 22 answered in full" in printed
    assert "18/18 100% (82% to 100%)" in printed
    assert "A and B" in printed


def test_answers_to_a_study_of_another_run_are_refused(run: RunWriter, study: Study, tmp_path: Path) -> None:
    (run.path / "reviews" / f"{study.study}.json").unlink()

    with pytest.raises(NotFoundError, match="the answers belong to a study of another run"):
        read_back(run, answer_file(study, tmp_path / "A.json", "A", usable={1: True}))


def test_a_broken_key_and_broken_vetoes_stop_before_anything_is_written(
    run: RunWriter, study: Study, tmp_path: Path
) -> None:
    file = answer_file(study, tmp_path / "A.json", "A", usable=usable(study, but=[accepted(study)[0].number]))
    (run.path / "vetoed.json").write_text("[")
    with pytest.raises(DatasetError, match="is no list of vetoes"):
        read_back(run, file)
    assert (run.path / "vetoed.json").read_text() == "["
    assert not list((run.path / "reviews").glob("*-scores.json"))
    (run.path / "vetoed.json").unlink()
    (run.path / "reviews" / f"{study.study}.json").write_text("{}")
    with pytest.raises(DatasetError, match="is no key of a study"):
        read_back(run, file)


def test_films_that_are_no_longer_those_reviewed_are_not_vetoed(run: RunWriter, study: Study, tmp_path: Path) -> None:
    pair = int(accepted(study)[0].film.name)
    run.replace_film(pair, run.output(pair, 2))

    with pytest.raises(DatasetError, match=f"pair {pair}: its film is no longer the one that was reviewed"):
        read_back(run, answer_file(study, tmp_path / "A.json", "A", usable={1: True}))
