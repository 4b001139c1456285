"""Records come back as they were written, and the same record is the same bytes."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DatasetError
from shared.recipe import LAYERS, LossConvention, Optimizer, Recipe, Region
from shared.record import Decision, Model, PairRecord, Reason, Scores, Source, Trial, from_json
from tests.services.orchestrator.made import record, trial

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(max_size=12)
SCORES = st.builds(Scores, anomaly=NUMBERS, probability=NUMBERS, logit=NUMBERS)
RECIPES = st.builds(
    Recipe,
    content_layer=st.sampled_from(LAYERS),
    style_layers=st.permutations(LAYERS).map(tuple),
    content_weight=st.floats(0, 1e6),
    style_weight=st.floats(1e-3, 1e12),
    region=st.sampled_from(Region),
    optimizer=st.sampled_from(Optimizer),
    loss_convention=st.sampled_from(LossConvention),
    steps=st.integers(1, 10_000),
)
TRIALS = st.builds(
    Trial,
    trial=st.integers(1, 7),
    recipe=RECIPES,
    evaluations=st.integers(0, 10_000),
    loss=st.none() | NUMBERS,
    content_loss=st.none() | NUMBERS,
    style_loss=st.none() | NUMBERS,
    mean_absolute_change=NUMBERS,
    scores=st.none() | SCORES,
    reasons=st.lists(st.sampled_from(Reason), max_size=3).map(tuple),
    sha256=NAMES,
)
SOURCES = st.builds(Source, image_id=NAMES, patient_id=NAMES, sha256=NAMES, scores=st.none() | SCORES)
NUMERICS = st.dictionaries(NAMES, NAMES | st.integers() | st.dictionaries(NAMES, NAMES, max_size=3), max_size=3)
RECORDS = st.builds(
    PairRecord,
    pair=st.integers(0, 10**7),
    decision=st.sampled_from(Decision),
    reason=st.none() | st.sampled_from(Reason),
    content=SOURCES,
    style=SOURCES,
    trials=st.lists(TRIALS, max_size=3).map(tuple),
    accepted_trial=st.none() | st.integers(1, 7),
    sha256=NAMES,
    seed=st.integers(0, 2**63),
    policy=NAMES,
    policy_sha256=NAMES,
    dataset_sha256=NAMES,
    models=st.dictionaries(NAMES, st.builds(Model, name=NAMES, sha256=NAMES), max_size=3),
    numerics=st.dictionaries(NAMES, st.lists(NUMERICS, max_size=2), max_size=2),
    placebo=st.booleans(),
)


@given(RECORDS)
def test_a_record_comes_back_as_it_was_written(written: PairRecord) -> None:
    read = from_json(written.to_json(), where="pairs/1.json")
    assert read == written
    assert read.to_json() == written.to_json()
    assert read.digest_line() == written.digest_line()


def test_the_order_of_names_does_not_change_the_bytes() -> None:
    written = record(3)
    models = dict(reversed(written.models.items()))
    numerics = {"stylizer": [{"slots": 1, "device_kind": "cpu"}]}
    assert replace(written, models=models, numerics=numerics).to_json() == written.to_json()


def test_a_record_is_plain_json_that_other_programs_read() -> None:
    values = json.loads(record(3).to_json(), parse_constant=lambda name: pytest.fail(f"found {name}"))
    assert values["pair"] == 3
    assert values["trials"][1]["recipe"]["region"] == "film"
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(record(3), trials=(trial(1, loss=math.inf),)).to_json()


def test_the_digest_line_does_not_depend_on_what_a_pair_was_computed_with() -> None:
    written = record(3)
    elsewhere = replace(
        written,
        numerics={"stylizer": [{"device_kind": "NVIDIA H100"}]},
        trials=tuple(replace(item, loss=9.9, content_loss=None, evaluations=1) for item in written.trials),
        content=replace(written.content, scores=None),
    )
    assert elsewhere.digest_line() == written.digest_line()


DIFFERENT: dict[str, PairRecord] = {
    "pair": record(4),
    "placebo": record(3, placebo=True),
    "decision": record(3, accepted=False),
    "content": replace(record(3), content=replace(record(3).content, image_id="b2")),
    "style": replace(record(3), style=replace(record(3).style, image_id="m2")),
    "film": record(3, sha256="f" * 64),
    "reason of a trial": record(3, trials=(trial(1, Reason.ANOMALOUS), trial(2))),
    "number of trials": record(3, trials=(trial(2),)),
}


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_the_digest_line_depends_on_every_decision_and_film(other: PairRecord) -> None:
    assert other.digest_line() != record(3).digest_line()
    assert other.digest_line().endswith("\n")


def broken(**changes: Any) -> bytes:
    return json.dumps({**json.loads(record(3).to_json()), **changes}).encode()


def without(key: str) -> bytes:
    values = json.loads(record(3).to_json())
    del values[key]
    return json.dumps(values).encode()


BROKEN = {
    "empty": b"",
    "cut": record(3).to_json()[:200],
    "no text": b"\xff\xfe",
    "a list": b"[]",
    "nothing": b"null",
    "without a decision": without("decision"),
    "without a version": without("schema_version"),
    "another version": broken(schema_version=2),
    "unknown decision": broken(decision="perhaps"),
    "unknown reason": broken(reason="mood"),
    "unknown field": broken(mood="good"),
    "trials no list": broken(trials=3),
    "models no table": broken(models=[]),
    "content no table": broken(content="b1"),
    "trial without a recipe": broken(trials=[{"trial": 1}]),
    "unknown layer": record(3).to_json().replace(b'"content_layer": "conv_5"', b'"content_layer": "conv_9"'),
    "unknown recipe field": record(3).to_json().replace(b'"content_layer"', b'"content_leyer"'),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_record_is_refused_with_its_place(data: bytes) -> None:
    with pytest.raises(DatasetError, match=r"^pairs/3\.json: "):
        from_json(data, where="pairs/3.json")
