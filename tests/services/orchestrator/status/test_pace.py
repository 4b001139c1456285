import json

import pytest

from services.orchestrator.ledger import Ledger
from services.orchestrator.status.pace import read_pace
from shared.store import Store


def timings(store: Store, worker: str, began: float, **ended: float) -> None:
    pairs = [{"pair": int(pair[1:]), "seconds": 1.0, "ended_s": value, "trials": 1} for pair, value in ended.items()]
    store.write(f"timings/{worker}.json", json.dumps({"began": began, "pairs": pairs}).encode())


def test_workers_side_by_side_count_once_on_the_clock_and_breaks_do_not_count(folder: str) -> None:
    store = Store(folder)
    timings(store, "a", 100.0, p0=10.0, p1=20.0)
    timings(store, "b", 110.0, p2=20.0)
    timings(store, "later", 1000.0, p3=5.0)

    pace = read_pace(Ledger(store))

    assert pace is not None
    assert (pace.timed, pace.workers, pace.worker_seconds) == (4, 3, 45.0)
    assert pace.seconds == 35.0
    assert pace.last_ended == 1005.0
    assert pace.seconds_per_pair == pytest.approx(35.0 / 4)


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"began": 1, "pairs": []}', b'{"began": "x", "pairs": [{}]}'])
def test_timings_that_cannot_be_read_are_left_out(folder: str, broken: bytes) -> None:
    store = Store(folder)
    assert read_pace(Ledger(store)) is None
    store.write("timings/broken.json", broken)
    assert read_pace(Ledger(store)) is None
    timings(store, "whole", 0.0, p0=4.0)
    pace = read_pace(Ledger(store))
    assert pace is not None
    assert pace.timed == 1
