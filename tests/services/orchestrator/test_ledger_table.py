"""The ledger has one row a trial, and one for a pair without trials."""

import io

import pyarrow.parquet as pq

from services.orchestrator.ledger_table import LEDGER_SCHEMA, pack
from shared.record import PairRecord, Reason
from tests.services.orchestrator.made import record, trial

DIVERGED = trial(1, Reason.DIVERGED, scores=None, loss=None, content_loss=None, style_loss=None, sha256="")


def rows(*records: PairRecord) -> list[dict[str, object]]:
    table = pq.read_table(io.BytesIO(pack(list(records))))
    assert table.schema.equals(LEDGER_SCHEMA)
    found: list[dict[str, object]] = table.to_pylist()
    return found


def test_every_trial_is_a_row_that_says_all_of_it() -> None:
    first, second = rows(record(3))
    assert (first["pair"], first["decision"], first["accepted_trial"]) == (3, "accepted", 2)
    assert (first["trial"], first["kept"], first["trial_reasons"]) == (1, False, ["still_benign"])
    assert (second["trial"], second["kept"], second["trial_reasons"]) == (2, True, [])
    assert (second["content_layer"], second["region"], second["optimizer"]) == ("conv_5", "film", "unclamped")
    assert second["style_layers"] == ["conv_1", "conv_2", "conv_3", "conv_4", "conv_5"]
    assert (second["steps"], second["style_weight"], second["loss"]) == (20, 1e5, 3.5)
    assert (second["anomaly"], second["probability"], second["logit"]) == (0.2, 0.9, 2.2)
    assert (second["content_anomaly"], second["content_probability"]) == (0.2, 0.1)
    assert [key for key, value in second.items() if value is None] == ["reason"]


def test_a_pair_without_trials_has_one_row() -> None:
    ended = record(0, accepted=False, reason=Reason.CONTENT_NOT_BENIGN, trials=())
    (row,) = rows(ended)
    assert (row["pair"], row["reason"], row["trial"], row["kept"]) == (0, "content_not_benign", None, None)


def test_a_trial_that_diverged_has_a_row_without_numbers() -> None:
    (row,) = rows(record(0, accepted=False, trials=(DIVERGED,)))
    assert (row["trial_reasons"], row["anomaly"], row["loss"], row["kept"]) == (["diverged"], None, None, False)


def test_a_run_without_pairs_is_an_empty_table() -> None:
    assert rows() == []


def test_the_same_records_are_the_same_bytes() -> None:
    assert pack([record(0), record(1)]) == pack([record(0), record(1)])
