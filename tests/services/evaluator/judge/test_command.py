"""A second classifier on whole run directories."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from services.evaluator.configuration import JudgeConfiguration
from services.evaluator.judge.command import run
from shared.dataset import Label
from shared.errors import ConfigurationError, DatasetError, NotFoundError
from shared.images import decode_png16
from tests.services.evaluator.conftest import MakeRun
from tests.services.evaluator.run_writer import RunWriter
from tests.tiny_models import write_classifier


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    write_classifier(tmp_path / "judge.onnx", name="second", options={"part": "1/2", "seed": 0})
    return tmp_path / "judge.onnx"


def judged(made: RunWriter, judge: Path) -> dict[str, Any]:
    assert run(JudgeConfiguration(run=made.address, model=judge)) == 0
    result: dict[str, Any] = json.loads((made.path / "judge-second.json").read_text())
    return result


def test_every_kept_film_is_judged_in_its_group(mixed_run: RunWriter, judge: Path) -> None:
    mixed_run.add_twin(4, accepted=True)

    result = judged(mixed_run, judge)

    groups = [(film["pair"], film["trial"], film["group"]) for film in result["films"]]
    assert groups == [
        (0, 1, "accepted"),
        (1, 2, "accepted"),
        (2, 1, "rejected"),
        (2, 2, "rejected"),
        (4, 1, "accepted"),
        (4, 1, "placebo_accepted"),
    ]
    assert result["accepted_less_placebo_accepted"]["judge_logit_shift"]["value"] is not None


def test_a_shift_is_the_judges_answer_less_that_of_the_content(mixed_run: RunWriter, judge: Path) -> None:
    made = mixed_run.dataset
    content = made.select(label=Label.BENIGN)[0]
    session = onnxruntime.InferenceSession(judge.read_bytes(), providers=["CPUExecutionProvider"])
    mask = made.mask(content.image_id)

    def logit(film: Any) -> float:
        feed = {"film": film[None, None], "mask": mask[None, None].astype(np.float32)}
        return float(session.run(["logit"], feed)[0][0])

    accepted = decode_png16((mixed_run.path / "accepted/000000.png").read_bytes())
    expected = logit(accepted) - logit(made.pixels(content.image_id))

    assert judged(mixed_run, judge)["films"][0]["judge_logit_shift"] == pytest.approx(expected, abs=1e-6)


def test_vetoed_films_are_not_judged(mixed_run: RunWriter, judge: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixed_run.add_twin(1, accepted=True)
    mixed_run.veto(1)

    result = judged(mixed_run, judge)

    groups = [(film["pair"], film["group"]) for film in result["films"]]
    assert groups == [(0, "accepted"), (2, "rejected"), (2, "rejected"), (4, "accepted"), (1, "placebo_accepted")]
    assert result["vetoed"] == 1
    assert "left out, as people vetoed them: 1 of 3 accepted films" in capsys.readouterr().out


def test_a_record_that_is_broken_is_left_out_and_told(
    mixed_run: RunWriter, judge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mixed_run.path / "pairs/000004.json").write_text("{")

    assert [film["pair"] for film in judged(mixed_run, judge)["films"]] == [0, 1, 2, 2]
    assert "pairs/000004.json" in "".join(capsys.readouterr())


def test_the_runs_own_classifier_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    made = make_run(pairs=1)
    made.add_accepted(0)
    sha256 = write_classifier(tmp_path / "gate.onnx")
    pins = json.loads((made.path / "run.json").read_text())
    pins["models"]["classifier"]["sha256"] = sha256
    (made.path / "run.json").write_text(json.dumps(pins))

    with pytest.raises(ConfigurationError, match="own classifier"):
        run(JudgeConfiguration(run=made.address, model=tmp_path / "gate.onnx"))


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"part": "0/2", "seed": 0}, ""),
        ({"part": "0/2", "seed": 1}, "share training patients"),
        ({"part": "1/2", "seed": 0}, "share training patients"),
        ({}, "share training patients"),
        ({"part": "1/3", "seed": 0}, "share training patients"),
    ],
    ids=["other half", "half of another draw", "same half", "all", "part of another cut"],
)
def test_shared_patients_are_said(
    make_run: MakeRun, tmp_path: Path, judge: Path, gate: dict[str, Any], said: str
) -> None:
    made = make_run(pairs=1)
    made.add_accepted(0)
    sha256 = write_classifier(tmp_path / "gates" / "classifier.onnx", options=gate)
    pins = json.loads((made.path / "run.json").read_text())
    pins["models"]["classifier"]["sha256"] = sha256
    (made.path / "run.json").write_text(json.dumps(pins))
    with (made.path / "configuration.yaml").open("a") as file:
        file.write(f"models: {tmp_path / 'gates'}\n")

    found = judged(made, judge)["independence"]

    assert (said in found) if said else found == ""


def test_a_film_that_is_not_the_records_is_refused(mixed_run: RunWriter, judge: Path) -> None:
    other = (mixed_run.path / "accepted/000001.png").read_bytes()
    (mixed_run.path / "accepted/000000.png").write_bytes(other)

    with pytest.raises(DatasetError, match="needed the record's"):
        judged(mixed_run, judge)


def test_a_run_that_made_nothing_is_refused(make_run: MakeRun, judge: Path) -> None:
    made = make_run(pairs=1)
    made.add(0, reason="content_not_benign")

    with pytest.raises(DatasetError, match="no film that the run made"):
        judged(made, judge)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, judge: Path) -> None:
    with pytest.raises(NotFoundError):
        run(JudgeConfiguration(run=str(tmp_path), model=judge))
