"""Every command of the evaluator on a run in object storage: it says and writes what it does for a folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from services.evaluator.configuration import (
    EvaluateConfiguration,
    JudgeConfiguration,
    ReportConfiguration,
    ReviewMakeConfiguration,
    ReviewReadConfiguration,
    UpliftConfiguration,
)
from services.evaluator.evaluate import run as evaluate
from services.evaluator.judge.command import run as judge
from services.evaluator.report.command import run as report
from services.evaluator.review.make import run as make
from services.evaluator.review.read import run as read
from services.evaluator.review.study import Kind, Study
from services.evaluator.run_directory import RunDirectory
from services.evaluator.uplift.command import run as uplift
from shared.dataset import Split
from shared.errors import ConfigurationError, NotFoundError, UnavailableError
from shared.store import Store, place_of
from tests.services.evaluator.report.outline import Outline, written
from tests.services.evaluator.review.made import answer_file, write_run
from tests.services.evaluator.run_writer import RunWriter
from tests.services.evaluator.uplift.phantoms import TINY, write_phantoms
from tests.tiny_models import write_classifier

Upload = Callable[[RunWriter], Store]


@pytest.fixture
def upload(bucket: str) -> Upload:
    """Copies a run into the bucket."""

    def copy(run: RunWriter) -> Store:
        store = Store(bucket)
        for file in run.path.rglob("*.*"):
            store.write(file.relative_to(run.path).as_posix(), file.read_bytes())
        return store

    return copy


def test_a_run_reads_as_it_does_in_a_folder(mixed_run: RunWriter, upload: Upload) -> None:
    mixed_run.add_twin(0, accepted=True)
    mixed_run.add_twin(2)
    mixed_run.veto(4, reason="blurred")
    there, here = RunDirectory.open(upload(mixed_run)), RunDirectory.open(mixed_run.store)

    for part in ("pins", "records", "twins", "vetoes", "unreadable", "numerics", "timings", "manifest", "options"):
        assert getattr(there, part) == getattr(here, part), part
    assert there.kept_rejected() == here.kept_rejected() == {(2, 1), (2, 2)}
    assert [record.pair for record in there.kept] == [0, 1]
    assert list(there.record_texts(["000001", "000002-placebo"])) == list(
        here.record_texts(["000001", "000002-placebo"])
    )


def test_a_report_is_written_beside_the_records_or_where_one_says(
    mixed_run: RunWriter, upload: Upload, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = upload(mixed_run)
    pages = []
    for options in ({}, {"output": str(tmp_path / "page.html")}):
        assert report(ReportConfiguration(run=store.address, **options)) == 0
        place = options.get("output", f"{store.address}/report.html")
        assert f"report {place}\n" in capsys.readouterr().out
        where, name = place_of(place)
        pages.append(where.read(name).decode())
    pages.append(written(mixed_run))
    assert "3 of 6 pairs ended with a synthetic film" in Outline(pages[0]).text
    films = [[item["id"] for item in Outline(page).all("script") if "film-" in str(item.get("id"))] for page in pages]
    assert len(films[0]) > 5
    assert films[0] == films[1] == films[2]


def test_evaluate_writes_what_report_then_shows(mixed_run: RunWriter, upload: Upload) -> None:
    store = upload(mixed_run)
    assert evaluate(EvaluateConfiguration(run=store.address, draws=10)) == 0
    assert evaluate(EvaluateConfiguration(run=mixed_run.address, draws=10)) == 0
    there, here = (json.loads(place.read("evaluation.json")) for place in (store, mixed_run.store))
    for summary in (there, here):
        del summary["written"], summary["seconds"]
    assert there == here
    assert report(ReportConfiguration(run=store.address)) == 0
    assert "Too few films to say anything" in Outline(store.read("report.html").decode()).text


def test_a_judge_says_the_same_and_report_shows_it(mixed_run: RunWriter, upload: Upload, tmp_path: Path) -> None:
    write_classifier(tmp_path / "judge.onnx", name="second", options={"part": "1/2", "seed": 0})
    store = upload(mixed_run)
    for run in (store.address, mixed_run.address):
        assert judge(JudgeConfiguration(run=run, model=tmp_path / "judge.onnx")) == 0
    assert store.read("judge-second.json") == mixed_run.store.read("judge-second.json")
    assert report(ReportConfiguration(run=store.address)) == 0
    assert "The classifier second" in Outline(store.read("report.html").decode()).text


def test_a_reader_study_is_made_and_read_and_its_vetoes_count(
    tmp_path: Path, upload: Upload, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path)
    store = upload(run)
    monkeypatch.chdir(tmp_path)
    assert make(ReviewMakeConfiguration(run=store.address)) == 0
    (name,) = store.names("reviews", ".json")
    assert "for readers: run-review" in capsys.readouterr().out
    assert (tmp_path / "run-review/review.html").is_file()
    study = Study.read(store, name)
    place = next(item for item in study.items if item.film.kind is Kind.ACCEPTED)
    answers = answer_file(study, tmp_path / "answers.json", "AB", usable={place.number: False})
    assert read(ReviewReadConfiguration(run=store.address, answers=(answers,))) == 0
    assert json.loads(store.read(f"reviews/{name}-scores.json"))["vetoed"] == 1
    assert list(RunDirectory.open(store).vetoes) == [int(place.film.name)]


def test_an_uplift_goes_on_where_it_was_and_report_shows_it(tmp_path: Path, upload: Upload) -> None:
    patients = dict.fromkeys((Split.TRAIN, Split.VALIDATION, Split.TEST), (10, 10))
    phantoms = write_phantoms(tmp_path / "phantoms", patients={**patients, Split.GENERATION: (6, 6)})
    run = RunWriter(tmp_path / "run", phantoms, pairs=6)
    for pair in range(6):
        run.add_accepted(pair)
        run.add_twin(pair, accepted=True)
    store = upload(run)
    results = []
    for address in (run.address, store.address, store.address):
        assert uplift(UpliftConfiguration(run=address, **TINY)) == 0
        result = json.loads(Store(address).read("uplift.json"))
        del result["written"]
        results.append(result)
    assert results[0] == results[1] == results[2]
    (plan,) = (name for name in store.names("uplift", "") if name != "features")
    assert len(store.names(f"uplift/{plan}/fits", ".json")) == 18
    assert report(ReportConfiguration(run=store.address)) == 0
    assert results[0]["verdict"]["sentence"] in Outline(store.read("report.html").decode()).text


def test_a_place_without_a_run_is_told(bucket: str) -> None:
    with pytest.raises(NotFoundError, match=rf"found no run\.json in {bucket}"):
        report(ReportConfiguration(run=bucket))


def test_storage_that_refuses_or_is_not_known_is_told(bucket: str, mixed_run: RunWriter) -> None:
    with pytest.raises(ConfigurationError, match="cannot use 'gs://bucket/run'"):
        evaluate(EvaluateConfiguration(run="gs://bucket/run"))
    with pytest.raises(UnavailableError, match=r"cannot write report\.html in s3://no-such-bucket"):
        report(ReportConfiguration(run=mixed_run.address, output="s3://no-such-bucket/report.html"))
