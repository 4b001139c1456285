"""What a second judge said, on the page."""

import json
from typing import Any

import pytest

from tests.services.evaluator.report.outline import Outline, written
from tests.services.evaluator.run_writer import RunWriter


def judged(**changes: Any) -> dict[str, Any]:
    """A judge file as `mammosynth judge` writes it."""
    known = {"value": 0.25, "low": 0.125, "high": 0.5}
    unknown = {"value": None, "low": None, "high": None}
    group = {"films": 3, "contents": 2, "gate_logit": known, "judge_logit": unknown, "judge_probability": known}
    values: dict[str, Any] = {
        "schema_version": 1,
        "judge": {"name": "other", "sha256": "9f" * 32, "metrics": {}},
        "independence": "",
        "groups": {"accepted": group, "placebo_accepted": {**group, "films": 1}},
        "accepted_less_placebo_accepted": {
            "judge_logit_shift": {"value": -0.75, "low": None, "high": None},
            "judge_probability_shift": None,
            "gate_logit_shift": known,
        },
        "agreement": {"films": 4, "same_call": known, "kappa": unknown, "rank_correlation": known},
        "films": [{"pair": pair, "group": "accepted"} for pair in (0, 1, 4)],
    }
    return values | changes


def test_what_a_second_judge_said_is_shown(mixed_run: RunWriter) -> None:
    assert "None was asked: mammosynth judge asks a classifier" in Outline(written(mixed_run)).text
    (mixed_run.path / "judge-other.json").write_text(json.dumps(judged()))

    text = Outline(written(mixed_run)).text

    for expected in (
        "The classifier other ( 9f9f9f9f9f9f ) decided nothing in this run. It was asked about 4 films afterwards",
        "It was trained on other patients than the gate.",
        "accepted 3 2 +0.250 (+0.125 to +0.500) – +0.250 (+0.125 to +0.500)",  # noqa: RUF001  the dash is meant
        "placebo, accepted 1 2",
        "Accepted less accepted placebo +0.250 (+0.125 to +0.500) -0.750 –",  # noqa: RUF001
        "the same call on a share of 0.250 (0.125 to 0.500) of the films; kappa –;",  # noqa: RUF001
    ):
        assert expected in text
    assert "not among them" not in text


def test_a_judge_that_is_older_than_the_run_or_shares_patients_is_told(mixed_run: RunWriter) -> None:
    group = {**judged()["groups"]["accepted"], "films": 1}
    seen = [{"pair": 1, "group": "accepted"}, {"pair": 4, "group": "rejected"}]
    values = judged(groups={"accepted": group}, independence="<b>they share</b> patients", films=seen)
    (mixed_run.path / "judge-other.json").write_text(json.dumps(values))

    page = written(mixed_run)

    assert "It is not known to be independent of the gate: <b>they share</b> patients." in Outline(page).text
    assert "<b>they share" not in page
    assert "2 accepted films are not among them." in Outline(page).text


def test_a_judge_that_has_seen_films_vetoed_since_is_told(mixed_run: RunWriter) -> None:
    (mixed_run.path / "judge-other.json").write_text(json.dumps(judged()))
    assert "vetoed since" not in Outline(written(mixed_run)).text

    mixed_run.veto(1)

    text = Outline(written(mixed_run)).text
    assert "1 film in these figures was vetoed since." in text
    assert "not among them" not in text


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 9}', '{"schema_version": 1}', "null"])
def test_a_judge_file_that_is_none_is_named_and_the_page_is_written(mixed_run: RunWriter, text: str) -> None:
    (mixed_run.path / "judge-broken.json").write_text(text)

    assert "judge-broken.json: is no file of mammosynth judge" in Outline(written(mixed_run)).text
