import json

import pytest

from services.evaluator import records
from services.evaluator.records import parse_record
from services.orchestrator import record as orchestrator
from services.orchestrator.decision import Reason, Scores
from shared.errors import DatasetError
from shared.recipe import Recipe
from tests.services.evaluator.run_writer import NUMERICS, RunWriter


def written_by_the_orchestrator() -> bytes:
    trial = orchestrator.Trial(
        trial=1,
        recipe=Recipe(steps=40),
        evaluations=40,
        loss=1.0,
        content_loss=0.5,
        style_loss=0.5,
        mean_absolute_change=0.01,
        scores=Scores(anomaly=0.6, probability=0.4, logit=-0.4),
        reasons=(Reason.ANOMALOUS, Reason.STILL_BENIGN),
        sha256="12" * 32,
    )
    diverged = orchestrator.Trial(
        trial=2,
        recipe=Recipe(steps=80),
        evaluations=0,
        loss=None,
        content_loss=None,
        style_loss=None,
        mean_absolute_change=0.0,
        scores=None,
        reasons=(Reason.DIVERGED,),
        sha256="",
    )
    scores = Scores(anomaly=0.2, probability=0.1, logit=-2.2)
    return orchestrator.PairRecord(
        pair=9,
        decision=orchestrator.Decision.REJECTED,
        reason=Reason.EXHAUSTED,
        content=orchestrator.Source(image_id="c", patient_id="p", sha256="ab", scores=scores),
        style=orchestrator.Source(image_id="s", patient_id="q", sha256="cd"),
        trials=(trial, diverged),
        accepted_trial=None,
        sha256="",
        seed=1,
        policy="stable",
        policy_sha256="ef",
        dataset_sha256="01",
        numerics=NUMERICS,
    ).to_json()


def test_reads_what_the_orchestrator_writes() -> None:
    record, numerics = parse_record(written_by_the_orchestrator(), where="here")

    assert (record.pair, record.accepted, record.reason, record.accepted_trial) == (9, False, "exhausted", None)
    assert record.content == records.Source("c", "p", "ab", records.Scores(0.2, 0.1))
    assert record.style.scores is None
    assert record.trials[0].reasons == ("anomalous", "still_benign")
    assert record.trials[0].recipe["steps"] == 40
    assert record.trials[1].scores is None
    assert numerics == NUMERICS


def test_expects_the_schema_that_the_orchestrator_writes() -> None:
    assert records.SCHEMA_VERSION == orchestrator.SCHEMA_VERSION


def test_finds_a_trial_by_its_number(mixed_run: RunWriter) -> None:
    record, _ = parse_record((mixed_run.path / "pairs/000001.json").read_bytes(), where="here")

    assert (trial := record.trial(2)) is not None
    assert trial.trial == 2
    assert record.trial(3) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="no fields"),
        pytest.param(b'{"schema_version": 99}', id="another schema"),
        pytest.param(json.dumps({"schema_version": 1, "pair": 0, "decision": "accepted"}).encode(), id="half"),
        pytest.param(written_by_the_orchestrator().replace(b'"anomaly": 0.6', b'"anomaly": "x"'), id="no number"),
        pytest.param(written_by_the_orchestrator()[:-30], id="truncated"),
    ],
)
def test_names_a_record_that_is_none(data: bytes) -> None:
    with pytest.raises(DatasetError, match=r"pairs/000009\.json: "):
        parse_record(data, where="pairs/000009.json")
