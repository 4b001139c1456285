import pytest

from services.orchestrator.ledger import Ledger
from services.orchestrator.status.watcher import Watcher
from shared.errors import DatasetError, NotFoundError
from shared.store import Store
from tests.services.orchestrator.made import pins, record
from tests.services.orchestrator.status.test_pace import timings


@pytest.fixture
def ledger(folder: str) -> Ledger:
    made = Ledger(Store(folder))
    made.pin(pins(placebo=(1,)))
    return made


def test_the_numbers_are_those_that_finalise_would_write(ledger: Ledger) -> None:
    for pair, accepted in ((0, True), (1, False), (2, True), (3, True)):
        ledger.write(record(pair, accepted=accepted), None)
    ledger.twins.write(record(1, placebo=True), None)
    found = Watcher(ledger).look().manifest
    assert found == ledger.finalise()
    assert (found["complete"], found["accepted"], found["placebo"]["twins"]) == (True, 3, 1)


def test_what_was_added_since_the_last_look_is_seen_and_records_are_read_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(ledger)
    assert (watcher.look().manifest["done"], watcher.look().seconds_left) == (0, None)
    ledger.write(record(0), None)
    assert watcher.look().manifest["done"] == 1
    read: list[str] = []
    original = Store.read
    monkeypatch.setattr(Store, "read", lambda store, name: read.append(name) or original(store, name))
    ledger.write(record(2), None)
    timings(ledger.store, "worker", 0.0, p0=10.0, p2=30.0)
    status = watcher.look()
    assert status.manifest["done"] == 2
    assert [name for name in read if name.startswith("pairs/")] == ["pairs/000002.json"]
    assert status.seconds_left == 2 * 15.0


def test_a_broken_record_is_told_and_its_pair_counts_as_missing(ledger: Ledger) -> None:
    ledger.write(record(0), None)
    ledger.store.write("pairs/000001.json", b"{")
    watcher = Watcher(ledger)
    status = watcher.look()
    assert (status.manifest["done"], status.manifest["first_missing"]) == (1, [1, 2, 3])
    assert len(status.unreadable) == 1
    assert "pairs/000001.json" in status.unreadable[0]
    ledger.store.write("pairs/000001.json", record(1).to_json())
    assert (watcher.look().manifest["done"], watcher.look().unreadable) == (2, ())


def test_where_there_is_no_run_or_a_broken_one_the_error_says_so(ledger: Ledger, folder: str) -> None:
    with pytest.raises(NotFoundError, match=r"found no run\.json"):
        Watcher(Ledger(Store(f"{folder}-none"))).look()
    ledger.store.write("run.json", b"{")
    with pytest.raises(DatasetError, match=r"run\.json: cannot be read"):
        Watcher(ledger).look()
