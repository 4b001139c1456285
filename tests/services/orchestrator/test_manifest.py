"""A manifest counts decisions, and its digest is taken over them and the films alone."""

import random
from dataclasses import replace
from hashlib import sha256

import pytest

from services.orchestrator.manifest import make_manifest, run_digest
from shared.record import PairRecord, Reason
from tests.services.orchestrator.made import pins, record, trial

PINS = {**vars(pins()), "models": {}}
CPU = {"device_kind": "cpu"}
GPU = {"device_kind": "NVIDIA H100"}


def records() -> list[PairRecord]:
    return [record(pair, accepted=pair % 2 == 0) for pair in range(4)]


def test_the_digest_is_the_hash_of_the_lines_in_the_order_of_the_pairs() -> None:
    lines = "".join(item.digest_line() for item in records())
    assert run_digest(records()) == sha256(lines.encode()).hexdigest()


def test_the_digest_does_not_depend_on_the_order_of_the_records() -> None:
    mixed = records()
    random.Random(3).shuffle(mixed)
    assert mixed != records()
    assert run_digest(mixed) == run_digest(records())


def test_the_digest_changes_with_a_pair_that_is_missing() -> None:
    assert run_digest(records()[:3]) != run_digest(records())


def test_decisions_are_counted_by_reason_and_trial() -> None:
    early = record(4, accepted=False, reason=Reason.CONTENT_NOT_BENIGN, trials=())
    worst = trial(1, Reason.ANOMALOUS, Reason.STILL_BENIGN)
    bad = record(5, accepted=False, trials=(worst,))
    manifest = make_manifest({**PINS, "pairs": 6}, [*records(), early, bad])
    assert manifest["accepted"] == 2
    assert manifest["rejected"] == {"content_not_benign": 1, "exhausted": 3}
    assert manifest["trials"] == 9
    assert manifest["trials_by_reason"] == {"accepted": 2, "anomalous": 3, "still_benign": 4}
    assert manifest["accepted_by_trial"] == {"2": 2}
    assert manifest["complete"]


def test_a_run_with_one_kind_of_numerics_is_uniform() -> None:
    manifest = make_manifest(PINS, records())
    assert manifest["uniform"]
    assert manifest["numerics"] == {"stylizer": [{"device_kind": "cpu", "slots": 1}]}


@pytest.mark.parametrize("mixed", [[[CPU], [GPU]], [[CPU], [CPU, GPU]]], ids=["between pairs", "within a pair"])
def test_several_kinds_of_numerics_are_told_in_a_fixed_order(mixed: list[list[dict[str, str]]]) -> None:
    some = [replace(item, numerics={"stylizer": kinds}) for item, kinds in zip(records(), mixed, strict=False)]
    forwards, backwards = make_manifest(PINS, some), make_manifest(PINS, some[::-1])
    assert not forwards["uniform"]
    assert forwards["numerics"] == backwards["numerics"] == {"stylizer": [GPU, CPU]}
    assert forwards["run_digest"] == make_manifest(PINS, records()[:2])["run_digest"]


def test_no_more_than_twenty_missing_pairs_are_listed() -> None:
    manifest = make_manifest({**PINS, "pairs": 50}, records())
    assert manifest["missing"] == 46
    assert manifest["first_missing"] == list(range(4, 24))
