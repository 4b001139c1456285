"""A run directory holds whole records, and is summed up to the same bytes by whoever does it."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from services.orchestrator.ledger import Ledger
from shared.errors import DatasetError, NotFoundError, RefusedRunError, UnavailableError
from shared.images import Film, from_uint16, sha256_pixels
from shared.record import Model, PairRecord
from shared.store import Store
from tests.services.orchestrator.made import MODELS, pins, record


def film(value: int) -> Film:
    return from_uint16(np.full((8, 8), value, dtype=np.uint16))


@pytest.fixture(params=("folder", "memory", "bucket"))
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return Ledger(Store(request.getfixturevalue(request.param)))


@pytest.fixture
def local(folder: str) -> Ledger:
    return Ledger(Store(folder))


def fill(ledger: Ledger, pairs: range, **changes: Any) -> None:
    """Write pairs of which every other one was accepted."""
    for pair in pairs:
        accepted = pair % 2 == 0
        ledger.write(record(pair, accepted=accepted, **changes), film(pair) if accepted else None)


def test_a_written_pair_is_read_as_it_was(ledger: Ledger) -> None:
    fill(ledger, range(2))
    assert ledger.recorded() == {0, 1}
    assert [ledger.has_record(pair) for pair in range(3)] == [True, True, False]
    assert ledger.record(1) == record(1, accepted=False)
    assert sha256_pixels(ledger.accepted_film(0)) == sha256_pixels(film(0))


def test_what_is_not_there_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no record of pair 7"):
        ledger.record(7)
    with pytest.raises(NotFoundError, match="no accepted film of pair 7"):
        ledger.accepted_film(7)
    with pytest.raises(NotFoundError, match=r"found no run\.json"):
        ledger.finalise()


def test_the_record_is_written_after_the_film(local: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = local.store.write

    def failing(name: str, data: bytes) -> None:
        written.append(name)
        if name.startswith("pairs/"):
            raise UnavailableError("disk full")
        write(name, data)

    monkeypatch.setattr(local.store, "write", failing)
    with pytest.raises(UnavailableError):
        local.write(record(0), film(0))
    assert written == ["accepted/000000.png", "pairs/000000.json"]
    assert not local.has_record(0)
    assert local.recorded() == set()


def test_a_pair_that_has_ended_keeps_its_record_and_film(local: Ledger) -> None:
    local.write(record(0), film(1))
    local.write(record(0, numerics={"stylizer": [{"device_kind": "another"}]}), film(2))
    assert local.record(0) == record(0)
    assert sha256_pixels(local.accepted_film(0)) == sha256_pixels(film(1))


def test_files_that_are_no_records_do_not_count(local: Ledger) -> None:
    fill(local, range(1))
    for name in ("pairs/notes.json", "pairs/1.json", "pairs/000002 (copy).json", "pairs/.000003.json.x.part"):
        local.store.write(name, b"{}")
    assert local.recorded() == {0}


def test_films_of_rejected_trials_are_kept_beside_the_records(local: Ledger) -> None:
    local.write_rejected(3, 2, film(9))
    assert local.store.names("rejected", ".png") == ["000003-2"]
    assert local.recorded() == set()


def test_a_run_is_continued_with_what_it_was_begun_with(ledger: Ledger) -> None:
    ledger.pin(pins())
    before = ledger.store.read("run.json")
    Ledger(Store(ledger.store.address)).pin(pins())
    assert ledger.store.read("run.json") == before == pins().to_json()


OTHER = {
    "pairs": {"pairs": 5},
    "seed": {"seed": 8},
    "size": {"size": 128},
    "dataset_sha256": {"dataset_sha256": "0" * 64},
    "policy": {"policy": {"name": "other"}},
    "policy_sha256": {"policy_sha256": "0" * 64},
    "keep_rejected": {"keep_rejected": 0.2},
    "models": {"models": {**MODELS, "anomaly": Model(name="other", sha256="0" * 64)}},
    "thresholds": {"thresholds": {"anomaly": 0.6}},
    "dtype": {"dtype": "bfloat16"},
    "version": {"version": "0.2.0"},
}


@pytest.mark.parametrize(("name", "change"), OTHER.items(), ids=OTHER.keys())
def test_a_run_is_not_continued_with_anything_else(local: Ledger, name: str, change: dict[str, Any]) -> None:
    local.pin(pins())
    with pytest.raises(RefusedRunError, match=rf"cannot be continued: {name}: begun with .*, now ") as caught:
        local.pin(pins(**change))
    assert caught.value.message.count("begun with") == 1
    assert local.store.read("run.json") == pins().to_json()


def begin_without_dtype(ledger: Ledger) -> None:
    old = json.loads(pins().to_json())
    del old["dtype"]
    ledger.store.write("run.json", json.dumps(old).encode())


def numerics(dtype: str) -> dict[str, Any]:
    return {"stylizer": [{"device_kind": "cpu", "dtype": dtype, "slots": 1}]}


def test_a_run_that_is_older_than_the_pin_goes_on_with_the_type_of_its_films_or_float32(local: Ledger) -> None:
    assert local.dtype() is None
    begin_without_dtype(local)
    assert local.dtype() == "float32"
    local.pin(pins())
    local.write(record(0, accepted=False, numerics={}), None)
    local.write(record(1, accepted=False, numerics=numerics("bfloat16")), None)
    assert local.dtype() == "bfloat16"
    local.pin(pins(dtype="bfloat16"))
    with pytest.raises(RefusedRunError, match="dtype: begun with 'bfloat16', now 'float32'"):
        local.pin(pins())


def test_the_pinned_type_comes_before_that_of_records(local: Ledger) -> None:
    local.pin(pins(dtype="float64"))
    local.write(record(1, accepted=False, numerics=numerics("bfloat16")), None)
    assert local.dtype() == "float64"


def test_a_record_of_another_type_than_the_runs_is_refused_when_it_is_summed_up(local: Ledger) -> None:
    local.pin(pins(pairs=1))
    local.write(record(0, accepted=False, numerics=numerics("bfloat16")), None)
    with pytest.raises(RefusedRunError, match="pair 0: dtype: found 'bfloat16', needed the run's 'float32'"):
        local.finalise()


def test_everything_that_differs_is_named(local: Ledger) -> None:
    local.pin(pins())
    with pytest.raises(RefusedRunError, match="pairs: begun with 4, now 9; seed: begun with 7, now 1"):
        local.pin(pins(pairs=9, seed=1))


def test_a_run_that_is_summed_up_says_what_it_came_to(ledger: Ledger) -> None:
    ledger.pin(pins())
    fill(ledger, range(4))
    manifest = ledger.finalise()
    assert json.loads(ledger.store.read("manifest.json")) == manifest
    assert (manifest["complete"], manifest["done"], manifest["missing"]) == (True, 4, 0)
    assert (manifest["accepted"], manifest["rejected"]) == (2, {"exhausted": 2})
    table = pq.read_table(io.BytesIO(ledger.store.read("ledger.parquet")))
    assert table["pair"].to_pylist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_run_that_has_not_ended_says_so(local: Ledger) -> None:
    local.pin(pins())
    fill(local, range(1, 3))
    manifest = local.finalise()
    assert (manifest["complete"], manifest["done"], manifest["missing"]) == (False, 2, 2)
    assert manifest["first_missing"] == [0, 3]


def test_summing_up_again_gives_the_same_bytes(local: Ledger) -> None:
    local.pin(pins())
    fill(local, range(4))
    local.finalise()
    before = {name: local.store.read(name) for name in ("ledger.parquet", "manifest.json")}
    Ledger(Store(local.store.address)).finalise()
    assert {name: local.store.read(name) for name in before} == before


def test_the_order_in_which_pairs_ended_changes_nothing(local: Ledger, memory: str) -> None:
    other = Ledger(Store(memory))
    orders: dict[Ledger, Callable[[range], Any]] = {local: iter, other: reversed}
    for ledger, order in orders.items():
        ledger.pin(pins())
        for pair in order(range(4)):
            fill(ledger, range(pair, pair + 1))
        ledger.finalise()
    for name in ("run.json", "ledger.parquet", "manifest.json", "pairs/000002.json", "accepted/000002.png"):
        assert local.store.read(name) == other.store.read(name)


def test_a_pair_that_ends_while_the_run_is_summed_up_is_not_forgotten(
    local: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another shard ends the run, and sums it up, between this one's reading and its writing."""
    local.pin(pins())
    fill(local, range(3))
    other = Ledger(Store(local.store.address))
    read = local.record

    def slow(pair: int) -> PairRecord:
        if pair == 2 and not other.has_record(3):
            fill(other, range(3, 4))
            assert other.finalise()["complete"]
        return read(pair)

    monkeypatch.setattr(local, "record", slow)
    assert local.finalise()["complete"]
    assert json.loads(local.store.read("manifest.json"))["complete"]


FOREIGN: dict[str, dict[str, Any]] = {
    "seed": {"seed": 8},
    "policy_sha256": {"policy_sha256": "0" * 64},
    "dataset_sha256": {"dataset_sha256": "0" * 64},
    "models": {"models": {**MODELS, "classifier": Model(name="other", sha256="0" * 64)}},
}


@pytest.mark.parametrize(("name", "change"), FOREIGN.items(), ids=FOREIGN.keys())
def test_a_record_of_another_run_is_refused_by_name(local: Ledger, name: str, change: dict[str, Any]) -> None:
    local.pin(pins())
    fill(local, range(3))
    fill(local, range(3, 4), **change)
    with pytest.raises(RefusedRunError, match=f"pair 3: {name}: found .*, needed the run's"):
        local.finalise()
    assert not local.store.exists("manifest.json")


def test_a_broken_record_is_refused_with_its_place(local: Ledger) -> None:
    local.pin(pins())
    local.store.write("pairs/000000.json", b"{")
    with pytest.raises(DatasetError, match=r"run/pairs/000000\.json"):
        local.finalise()


def test_the_film_of_an_accepted_twin_lies_apart_from_accepted_films(ledger: Ledger) -> None:
    ledger.pin(pins(pairs=1, placebo=(0,)))
    ledger.write(record(0, accepted=False), None)
    ledger.twins.write(record(0, placebo=True), film(7))
    assert ledger.store.names("accepted", ".png") == []
    assert ledger.store.names("placebo", ".png") == ["000000"]
    with pytest.raises(NotFoundError):
        ledger.accepted_film(0)
    assert (ledger.recorded(), ledger.twins.recorded()) == ({0}, {0})
    assert (ledger.record(0).placebo, ledger.twins.record(0).placebo) == (False, True)
    found = ledger.finalise()
    assert (found["complete"], found["accepted"], found["placebo"]["accepted"]) == (True, 0, 1)
