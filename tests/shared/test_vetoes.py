"""Vetoes are read, and never ignored."""

import json

import pytest

from shared.errors import DatasetError
from shared.record import PairRecord, from_json
from shared.store import Store
from shared.vetoes import NAME, Veto, read_vetoes, replace_vetoes
from tests.services.evaluator.run_writer import RunWriter, write_dataset


@pytest.fixture
def accepted(tmp_path_factory: pytest.TempPathFactory) -> list[PairRecord]:
    folder = tmp_path_factory.mktemp("run")
    run = RunWriter(folder / "run", write_dataset(folder / "dataset"), pairs=2)
    return [from_json(json.dumps(run.add_accepted(pair)).encode(), where="made") for pair in range(2)]


def write(store: Store, value: object) -> None:
    store.write(NAME, json.dumps(value).encode())


def test_a_run_without_vetoes_has_none(memory: str, accepted: list[PairRecord]) -> None:
    assert read_vetoes(Store(memory), accepted) == ()


def test_vetoes_name_pair_film_and_reason(memory: str, accepted: list[PairRecord]) -> None:
    entry = {"pair": 1, "sha256": accepted[1].sha256, "reason": "doubled skin line"}
    write(Store(memory), {"schema_version": 1, "vetoed": [entry]})

    assert read_vetoes(Store(memory), accepted) == (Veto(**entry),)


REFUSED = {
    "no JSON": ("[", "is no list of vetoes"),
    "another schema": ({"schema_version": 2, "vetoed": []}, "is no list of vetoes"),
    "no list": ({"schema_version": 1}, "is no list of vetoes"),
    "a field that nobody knows": (
        {"schema_version": 1, "vetoed": [{"pair": 0, "sha256": "", "pears": 1}]},
        "is no list of vetoes",
    ),
    "a pair that was not accepted": (
        {"schema_version": 1, "vetoed": [{"pair": 7, "sha256": "ab"}]},
        "pair 7: found no accepted film, the veto names ab",
    ),
    "another film": (
        {"schema_version": 1, "vetoed": [{"pair": 0, "sha256": "ab"}]},
        "pair 0: found the film .*, the veto names ab",
    ),
}


@pytest.mark.parametrize(("value", "message"), REFUSED.values(), ids=REFUSED)
def test_a_list_that_cannot_be_followed_is_refused(
    memory: str, accepted: list[PairRecord], value: object, message: str
) -> None:
    if isinstance(value, str):
        Store(memory).write(NAME, value.encode())
    else:
        write(Store(memory), value)

    with pytest.raises(DatasetError, match=message):
        read_vetoes(Store(memory), accepted)


def test_vetoes_of_a_study_are_replaced_and_all_others_stay(memory: str, accepted: list[PairRecord]) -> None:
    store = Store(memory)
    by_hand = Veto(pair=0, sha256=accepted[0].sha256, reason="by hand")
    write(store, {"schema_version": 1, "vetoed": [by_hand.model_dump(exclude={"study"})]})
    of_study = [Veto(pair=pair, sha256=accepted[pair].sha256, study="a") for pair in range(2)]

    assert replace_vetoes(store, "a", of_study) == 2
    assert read_vetoes(store, accepted) == (by_hand, of_study[1])
    assert replace_vetoes(store, "b", [Veto(pair=1, sha256=accepted[1].sha256, study="b")]) == 2
    assert replace_vetoes(store, "a", []) == 1
    assert read_vetoes(store, accepted) == (by_hand,)


def test_where_nothing_is_vetoed_no_file_is_written(memory: str) -> None:
    assert replace_vetoes(Store(memory), "a", []) == 0
    assert not Store(memory).exists(NAME)


def test_a_broken_file_is_left_as_it_is(memory: str) -> None:
    Store(memory).write(NAME, b"[")

    with pytest.raises(DatasetError, match="is no list of vetoes"):
        replace_vetoes(Store(memory), "a", [])

    assert Store(memory).read(NAME) == b"["
