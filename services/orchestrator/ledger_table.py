"""The ledger of a run as one table: a row a trial."""

import io
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.record import PairRecord

LEDGER_SCHEMA = pa.schema(
    [
        ("pair", pa.int64()),
        ("placebo", pa.bool_()),
        ("decision", pa.string()),
        ("reason", pa.string()),
        ("accepted_trial", pa.int32()),
        ("content_image_id", pa.string()),
        ("content_patient_id", pa.string()),
        ("style_image_id", pa.string()),
        ("style_patient_id", pa.string()),
        ("content_anomaly", pa.float64()),
        ("content_probability", pa.float64()),
        ("trial", pa.int32()),
        ("kept", pa.bool_()),
        ("trial_reasons", pa.list_(pa.string())),
        ("content_layer", pa.string()),
        ("style_layers", pa.list_(pa.string())),
        ("content_weight", pa.float64()),
        ("style_weight", pa.float64()),
        ("region", pa.string()),
        ("optimizer", pa.string()),
        ("loss_convention", pa.string()),
        ("steps", pa.int32()),
        ("evaluations", pa.int32()),
        ("loss", pa.float64()),
        ("content_loss", pa.float64()),
        ("style_loss", pa.float64()),
        ("mean_absolute_change", pa.float64()),
        ("anomaly", pa.float64()),
        ("probability", pa.float64()),
        ("logit", pa.float64()),
        ("sha256", pa.string()),
    ]
)


def pack(records: list[PairRecord]) -> bytes:
    """Write a Parquet file with one row a trial; a pair that ended before its first trial has one row without one."""
    rows = [row for record in records for row in _pair_rows(record)]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=LEDGER_SCHEMA), buffer)
    return buffer.getvalue()


def _pair_rows(record: PairRecord) -> list[dict[str, Any]]:
    scores = record.content.scores
    pair = {
        "pair": record.pair,
        "placebo": record.placebo,
        "decision": str(record.decision),
        "reason": str(record.reason) if record.reason else None,
        "accepted_trial": record.accepted_trial,
        "content_image_id": record.content.image_id,
        "content_patient_id": record.content.patient_id,
        "style_image_id": record.style.image_id,
        "style_patient_id": record.style.patient_id,
        "content_anomaly": scores.anomaly if scores else None,
        "content_probability": scores.probability if scores else None,
    }
    rows = [
        {
            **pair,
            **asdict(trial.recipe),
            **(asdict(trial.scores) if trial.scores else {}),
            "trial": trial.trial,
            "kept": trial.trial == record.accepted_trial,
            "trial_reasons": [str(reason) for reason in trial.reasons],
            "evaluations": trial.evaluations,
            "loss": trial.loss,
            "content_loss": trial.content_loss,
            "style_loss": trial.style_loss,
            "mean_absolute_change": trial.mean_absolute_change,
            "sha256": trial.sha256,
        }
        for trial in record.trials
    ]
    return rows or [pair]
