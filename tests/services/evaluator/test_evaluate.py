"""Evaluating runs on small data sets, through the command's own entry."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from services.evaluator import evaluation
from services.evaluator.configuration import EvaluateConfiguration
from services.evaluator.evaluate import run as evaluate
from services.evaluator.run_directory import RunDirectory
from shared.dataset import Dataset, Label
from shared.errors import DatasetError, NotFoundError, WeightsNotFoundError, exit_code
from tests.services.evaluator.run_writer import RunWriter, write_dataset


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Thirty contents and sixty styles, each of a patient of its own."""
    return write_dataset(tmp_path_factory.mktemp("large"), contents=30, styles=60, size=64)


MakeLargeRun = Callable[[int], RunWriter]


@pytest.fixture
def make_large_run(tmp_path: Path, large: Dataset) -> MakeLargeRun:
    def make(pairs: int) -> RunWriter:
        run = RunWriter(tmp_path / "run", large, pairs=pairs)
        for pair in range(pairs):
            run.add_accepted(pair)
        return run

    return make


def evaluated(run: RunWriter, **options: Any) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    assert evaluate(EvaluateConfiguration(run=run.address, draws=10, **options)) == 0
    summary = json.loads((run.path / "evaluation.json").read_text())
    rows = pq.read_table(run.path / "evaluation.parquet").to_pylist()
    return summary, {row["pair"]: row for row in rows}


def test_outputs_that_are_what_they_should_be_are_not_flagged(make_large_run: MakeLargeRun, large: Dataset) -> None:
    summary, rows = evaluated(make_large_run(4))
    assert (summary["near_copies"]["copied"], summary["near_copies"]["unchanged"]) == ([], [])
    assert set(rows) == {0, 1, 2, 3}
    assert not any(row["copied"] or row["unchanged"] for row in rows.values())
    assert rows[2]["content"] == large.select(label=Label.BENIGN)[2].image_id
    assert rows[2]["content_distance"] < rows[2]["nearest_distance"]
    assert rows[2]["change"] == pytest.approx(0.025, rel=0.1)


def test_an_output_that_is_a_copy_of_its_content_is_flagged(make_large_run: MakeLargeRun, large: Dataset) -> None:
    run = make_large_run(4)
    run.replace_film(1, large.pixels(run.contents[1].image_id))
    summary, rows = evaluated(run)
    assert summary["near_copies"]["unchanged"] == [1]
    assert (rows[1]["unchanged"], rows[1]["change"]) == (True, 0.0)
    assert rows[1]["content_distance"] == pytest.approx(0.0, abs=1e-5)


def test_an_output_that_is_a_copy_of_a_training_film_is_flagged(make_large_run: MakeLargeRun, large: Dataset) -> None:
    run = make_large_run(4)
    taken = large.select(label=Label.MALIGNANT)[40].image_id
    noise = np.random.default_rng(0).normal(0.0, 0.005, (64, 64))
    copy = np.where(large.mask(taken), np.clip(large.pixels(taken)[:, ::-1][:, ::-1] + noise, 0, 1), 0.0)
    run.replace_film(2, copy.astype(np.float32))
    summary, rows = evaluated(run)
    assert summary["near_copies"]["copied"] == [2]
    assert (rows[2]["copied"], rows[2]["nearest"], rows[2]["unchanged"]) == (True, taken, False)
    assert rows[2]["nearest_patient"] == large.film(taken).patient_id


def test_films_of_the_test_split_have_no_part(tmp_path: Path, make_large_run: MakeLargeRun, large: Dataset) -> None:
    run = make_large_run(4)
    summary, _ = evaluated(run)
    assert summary["near_copies"]["real"] == len(large.films)
    assert summary["comparisons"][0]["sets"][0]["real"] == len(large.select(label=Label.MALIGNANT))
    other = write_dataset(tmp_path / "other", contents=4, styles=8, size=64, test_styles=5)
    smaller = RunWriter(tmp_path / "smaller", other, pairs=2)
    smaller.add_accepted(0)
    summary, _ = evaluated(smaller)
    assert summary["near_copies"]["real"] == 7
    assert summary["comparisons"][0]["sets"][0]["real"] == 3


def test_enough_films_are_measured_beside_their_floor(make_large_run: MakeLargeRun) -> None:
    run = make_large_run(30)
    for pair in range(26):
        run.add_twin(pair, accepted=True)
    run.add_twin(29)
    summary, _ = evaluated(run)
    (comparison,) = summary["comparisons"]
    assert comparison["name"] == "frechet_radiomics"
    sets = {item["name"]: item for item in comparison["sets"]}
    assert {name: item["films"] for name, item in sets.items()} == {"accepted": 30, "contents": 30, "placebo": 26}
    for item in sets.values():
        found = item["result"]
        assert (found["real"], found["draws"]) == (60, 10)
        assert found["distance"]["low"] <= found["distance"]["mean"] <= found["distance"]["high"]
        assert found["floor"]["mean"] > 0
        assert item["sentence"].startswith(("Farther from", "No farther from"))
    # Outputs were brightened, their contents are of the malignant films' kind.
    assert sets["accepted"]["result"]["beyond"]
    assert not sets["contents"]["result"]["beyond"]
    assert summary["moved_features"][0]["accepted"] != 0.0


def test_too_few_films_get_a_plain_sentence_and_no_number(make_large_run: MakeLargeRun) -> None:
    summary, _ = evaluated(make_large_run(4))
    row = summary["comparisons"][0]["sets"][0]
    assert row["result"] is None
    assert row["sentence"] == (
        "Too few films to say anything: 4 of the set and 60 real malignant ones; 25 and 50 are needed."
    )
    assert [item["result"] for item in summary["diversity"]] == [None, None]
    # As many real films are compared as were accepted: four, however many there are.
    few = "Too few films to say anything: 4 of each kind to compare; 5 are needed."
    assert [item["sentence"] for item in summary["diversity"]] == [few, few]


def test_diversity_stands_beside_that_of_real_films(make_large_run: MakeLargeRun) -> None:
    summary, _ = evaluated(make_large_run(8))
    ours, real = summary["diversity"]
    assert (ours["name"], real["name"]) == ("accepted", "real")
    assert ours["result"]["films"] == real["result"]["films"] == 8
    assert ours["result"]["pairs"] == 28
    assert 0.0 < ours["result"]["similarity"]["low"] <= ours["result"]["similarity"]["mean"] < 1.0


def test_a_run_that_goes_on_or_accepted_nothing_is_evaluated_as_far_as_it_is(make_large_run: MakeLargeRun) -> None:
    run = make_large_run(0)
    summary, rows = evaluated(run)
    assert (summary["accepted"], rows, summary["comparisons"][0]["sets"]) == (0, {}, [])


def test_an_output_whose_film_is_gone_is_left_out(make_large_run: MakeLargeRun) -> None:
    run = make_large_run(4)
    (run.path / "accepted/000001.png").unlink()
    (run.path / "accepted/000002.png").write_bytes((run.path / "accepted/000003.png").read_bytes())
    summary, rows = evaluated(run)
    assert set(rows) == {0, 3}
    assert (summary["accepted"], summary["near_copies"]["films"]) == (4, 2)


def test_the_same_run_gives_the_same_numbers_but_for_clock_and_date(make_large_run: MakeLargeRun) -> None:
    run = make_large_run(30)
    first, second = evaluated(run), evaluated(run)
    for summary, _ in (first, second):
        del summary["written"], summary["seconds"]
    assert first == second


def test_films_added_since_make_an_evaluation_out_of_date(make_large_run: MakeLargeRun) -> None:
    run = make_large_run(4)
    summary, _ = evaluated(run)
    assert summary["films_digest"] == evaluation.films_digest(RunDirectory.open(run.store).records)
    run.replace_film(0, run.output(3, 2))
    assert summary["films_digest"] != evaluation.films_digest(RunDirectory.open(run.store).records)


def test_vetoed_films_have_no_part_and_are_counted(
    make_large_run: MakeLargeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_large_run(8)
    before, _ = evaluated(run)
    run.veto(1, 6)
    after, rows = evaluated(run)
    assert set(rows) == {0, 2, 3, 4, 5, 7}
    assert (before["vetoed"], after["vetoed"], after["accepted"]) == (0, 2, 8)
    assert [item["films"] for item in after["comparisons"][0]["sets"]] == [6, 6]
    assert after["diversity"][0]["films"] == 6
    assert after["films_digest"] != before["films_digest"]
    assert "Left out, as people vetoed them: 2 of 8 accepted films" in capsys.readouterr().out


def test_what_was_written_is_read_again_and_what_is_broken_is_not(make_large_run: MakeLargeRun) -> None:
    run = make_large_run(4)
    assert evaluation.read(run.store) is None
    summary, rows = evaluated(run)
    assert evaluation.read(run.store) == (summary, list(rows.values()))
    (run.path / "evaluation.parquet").write_bytes(b"PAR1")
    assert evaluation.read(run.store) is None
    (run.path / "evaluation.json").write_text('{"schema_version": 99}')
    assert evaluation.read(run.store) is None


def test_wrong_input_is_told_before_anything_is_written(make_large_run: MakeLargeRun, tmp_path: Path) -> None:
    run = make_large_run(2)
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"run": str(tmp_path / "none")}, NotFoundError, r"found no run\.json"),
        ({"dataset": tmp_path / "none"}, DatasetError, "no such folder"),
        ({"inception": str(tmp_path / "none")}, WeightsNotFoundError, "found no file"),
    ]
    for options, error, message in wrong:
        with pytest.raises(error, match=message) as caught:
            evaluate(EvaluateConfiguration(**({"run": run.address} | options)))
        assert exit_code(caught.value) == 2  # type: ignore[arg-type]
    (run.path / "configuration.yaml").write_text("dataset: /nowhere\n")
    with pytest.raises(DatasetError, match="Give it with --dataset"):
        evaluate(EvaluateConfiguration(run=run.address))
    assert not (run.path / "evaluation.json").exists()


def test_the_numbers_are_told_on_the_terminal(
    make_large_run: MakeLargeRun, large: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_large_run(6)
    run.replace_film(1, large.pixels(run.contents[1].image_id))
    evaluated(run)
    text = " ".join(capsys.readouterr().out.split())
    assert "Accepted films: Too few films to say anything" in text
    assert "No FID and no KID" in text
    assert "Diversity, accepted films: MS-SSIM" in text
    assert "0 of 6 films are near copies of a real film" in text
    assert "1 of 6 films are hardly changed from their content: pairs 1" in text
