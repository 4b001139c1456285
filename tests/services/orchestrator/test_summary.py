"""What is printed of a run."""

import pytest

from services.orchestrator.manifest import make_manifest
from services.orchestrator.summary import print_summary
from tests.services.orchestrator.made import pins, record


def printed(capsys: pytest.CaptureFixture[str], address: str = "runs/1", **changes: object) -> str:
    manifest = make_manifest(
        {"pairs": 4, "seed": 7, "policy": {"name": "made"}, "policy_sha256": "", "dataset_sha256": "", "models": {}}
        | {"thresholds": {}, "version": pins().version},
        [record(0), record(1), record(2, accepted=False)],
    )
    print_summary(manifest | changes, address)
    return capsys.readouterr().out


def rows(text: str) -> dict[str, str]:
    found = (line.replace("│", " ").split() for line in text.splitlines() if line.startswith("│"))
    return {" ".join(words[:-1]): words[-1] for words in found}


def test_a_summary_says_how_many_pairs_ended_how(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys)
    assert rows(text) == {"accepted": "2", "exhausted": "1", "not finished yet": "1"}
    assert "6 trials: accepted 2, anomalous 1, still benign 3" in text
    assert "No placebo stands beside" in text
    assert "several kinds of numerics" not in text


def test_what_is_complete_has_nothing_left_to_finish(capsys: pytest.CaptureFixture[str]) -> None:
    assert "not finished yet" not in rows(printed(capsys, missing=0))


def test_several_kinds_of_numerics_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "several kinds of numerics took part" in printed(capsys, uniform=False)


def test_brackets_of_names_and_folders_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "runs/[old]/[/1]", policy="my[bold]policy[/x]")
    assert "run directory runs/[old]/[/1]\n" in text
    assert "my[bold]policy[/x]" in text.replace("\n", "")


def test_digest_and_folder_stand_on_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "runs/" + "long" * 40, run_digest="ab" * 100)
    assert f"run digest {'ab' * 100}\n" in text
    assert f"run directory runs/{'long' * 40}\n" in text


def test_a_summary_shows_the_placebo_beside_the_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    placebo = {
        "twins": 9,
        "accepted": 4,
        "compared": 8,
        "contents": 6,
        "pairs_accepted": 5,
        "twins_accepted": 3,
        "acceptance_difference": {"mean": 0.25, "low": -0.1, "high": 0.6},
        "logit_difference": {"mean": -0.4},
    }
    text = " ".join(printed(capsys, placebo=placebo).split())
    assert "placebo (benign styles): 4 of 9 twins accepted" in text
    assert "3 twins and 5 pairs" in text
    assert "pair minus placebo, acceptance: +0.25 (95 % interval -0.10 to +0.60, over contents)" in text
    assert "pair minus placebo, the classifier's logit: -0.40 (too few contents for an interval)" in text
    assert "No placebo stands" not in text
