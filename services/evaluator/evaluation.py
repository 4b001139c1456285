"""What an evaluation came to: `evaluation.json` in the run directory, and one row an output in `evaluation.parquet`."""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.evaluator.near_copies.search import Neighbours
from shared.files import write_atomically
from shared.record import PairRecord

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
    """Hash over the accepted films: an evaluation of others is out of date."""
    lines = sorted(f"{record.pair} {record.sha256}\n" for record in records if record.accepted)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write(path: Path, summary: Mapping[str, Any], neighbours: Iterable[Neighbours]) -> None:
    """Write both files, the table first: a summary without its table is never there."""
    rows = [asdict(item) for item in neighbours]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_TABLE), buffer)
    write_atomically(path / "evaluation.parquet", buffer.getvalue())
    text = json.dumps({"schema_version": SCHEMA_VERSION, **summary}, indent=1, sort_keys=True, allow_nan=False)
    write_atomically(path / "evaluation.json", text.encode() + b"\n")


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Read what `write` wrote; None where there is nothing, or nothing that can be read."""
    try:
        summary = json.loads((path / "evaluation.json").read_bytes())
        rows: list[dict[str, Any]] = pq.read_table(path / "evaluation.parquet", schema=_TABLE).to_pylist()
    except (OSError, ValueError, pa.ArrowException):
        return None
    if not isinstance(summary, dict) or summary.get("schema_version") != SCHEMA_VERSION:
        return None
    return summary, rows
