import json

import pytest

from services.orchestrator.configuration import StatusConfiguration
from services.orchestrator.ledger import Ledger
from services.orchestrator.status.command import run
from shared.errors import NotFoundError, exit_code
from shared.store import Store
from tests.services.orchestrator.made import pins, record
from tests.services.orchestrator.status.test_pace import timings


@pytest.fixture
def ledger(folder: str) -> Ledger:
    made = Ledger(Store(folder))
    made.pin(pins(policy={"name": "my[bold]policy"}))
    made.write(record(0), None)
    made.write(record(1, accepted=False), None)
    return made


def test_the_numbers_stand_on_the_terminal(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    timings(ledger.store, "worker", 0.0, p0=10.0, p1=30.0)
    assert run(StatusConfiguration(run=ledger.store.address)) == 0
    text = " ".join(capsys.readouterr().out.split())
    for expected in (
        f"run {ledger.store.address}: policy my[bold]policy, seed 7",
        "2 of 4 pairs have ended",
        "not complete, 15 s a pair, 30 s an accepted film, about 30 s left for the pairs, last time written",
        "accepted │ 1 │ 50%",
        "exhausted │ 1 │ 50%",
        "not finished yet │ 2 │",
        "4 trials: accepted 1, anomalous 1, still benign 2 accepted 1 at trial 2",
        "No placebo stands beside this acceptance rate",
    ):
        assert expected in text
    assert "run digest" not in text


def test_json_holds_all_numbers(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(StatusConfiguration(run=ledger.store.address, format="json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["done"], found["accepted"], found["complete"]) == (4, 2, 1, False)
    assert (found["pace"], found["seconds_left"], found["unreadable"]) == (None, None, [])


def test_a_watched_run_is_told_again_until_it_is_complete(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    waited: list[float] = []

    def next_pair(seconds: float) -> None:
        waited.append(seconds)
        ledger.write(record(1 + len(waited)), None)

    configuration = StatusConfiguration(run=ledger.store.address, watch=True, format="json", every_s=7)
    assert run(configuration, sleep=next_pair) == 0
    looks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [look["done"] for look in looks] == [2, 3, 4]
    assert (waited, looks[-1]["complete"], len(looks[-1]["run_digest"])) == ([7.0, 7.0], True, 64)


def test_a_complete_run_is_watched_no_longer(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    for pair in (2, 3):
        ledger.write(record(pair), None)
    digest = ledger.finalise()["run_digest"]

    def never(seconds: float) -> None:
        raise AssertionError("waited for a run that is complete")

    assert run(StatusConfiguration(run=ledger.store.address, watch=True), sleep=never) == 0
    text = capsys.readouterr().out
    assert f"run digest {digest}\n" in text
    assert "not finished yet" not in text


def test_what_is_wrong_with_a_run_is_told(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    ledger.store.write("pairs/000002.json", b"{")
    ledger.store.write("pairs/000003.json", b"{")
    numerics = {"stylizer": [{"slots": 1}, {"slots": 2}]}
    ledger.store.write("pairs/000000.json", record(0, numerics=numerics).to_json())
    run(StatusConfiguration(run=ledger.store.address))
    text = " ".join(capsys.readouterr().out.split())
    assert "record that cannot be read:" in text
    assert "and 1 more" in text
    assert "several kinds of numerics took part" in text


def test_a_run_that_is_not_there_is_wrong_input(folder: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        run(StatusConfiguration(run=folder, watch=True))
    assert exit_code(caught.value) == 2


def test_a_run_on_object_storage_is_told_as_well(bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(Store(bucket))
    ledger.pin(pins())
    ledger.write(record(0), None)
    assert run(StatusConfiguration(run=bucket)) == 0
    assert "1 of 4 pairs have ended" in " ".join(capsys.readouterr().out.split())
