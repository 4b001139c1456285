"""What an evaluation came to: `evaluation.json` in the run directory, and one row an output in `evaluation.parquet`."""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.evaluator.near_copies.search import Neighbours
from shared.record import PairRecord
from shared.store import Store

SCHEMA_VERSION = 1

_TABLE = pa.schema(
    [
        ("pair", pa.int64()),
        ("nearest", pa.string()),
        ("nearest_patient", pa.string()),
        ("nearest_distance", pa.float64()),
        ("content", pa.string()),
        ("content_distance", pa.float64()),
        ("style", pa.string()),
        ("style_distance", pa.float64()),
        ("change", pa.float64()),
        ("copied", pa.bool_()),
        ("unchanged", pa.bool_()),
    ]
)


def films_digest(records: Iterable[PairRecord]) -> str:
    """Hash over the accepted films among these: an evaluation of others is out of date."""
    lines = sorted(f"{record.pair} {record.sha256}\n" for record in records if record.accepted)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write(store: Store, summary: Mapping[str, Any], neighbours: Iterable[Neighbours]) -> None:
    """Write both files into a run, the table first: a summary without its table is never there.

    Raises:
        UnavailableError: if they cannot be written.

    """
    rows = [asdict(item) for item in neighbours]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_TABLE), buffer)
    store.write("evaluation.parquet", buffer.getvalue())
    text = json.dumps({"schema_version": SCHEMA_VERSION, **summary}, indent=1, sort_keys=True, allow_nan=False)
    store.write("evaluation.json", text.encode() + b"\n")


def read(store: Store) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Read what `write` wrote; None where there is nothing, or nothing that can be read."""
    try:
        summary = json.loads(store.read("evaluation.json"))
        table = store.read("evaluation.parquet")
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(table), schema=_TABLE).to_pylist()
    except (OSError, ValueError, pa.ArrowException):
        return None
    if not isinstance(summary, dict) or summary.get("schema_version") != SCHEMA_VERSION:
        return None
    return summary, rows
