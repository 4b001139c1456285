"""Tables that a page sorts, searches and turns pages in: all pairs, source patients, near copies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.evaluator.report.wording import outcome_name
from shared.record import PairRecord, Source


@dataclass(frozen=True)
class Grid:
    """One such table, as the page's script takes it."""

    name: str
    caption: str
    columns: tuple[tuple[str, str, int], ...]
    """Heading, kind ("text", "number" or "record") and digits after the point of each."""
    rows: tuple[tuple[Any, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """The table as JSON can hold it."""
        return {
            "name": self.name,
            "caption": self.caption,
            "columns": [{"name": name, "kind": kind, "digits": digits} for name, kind, digits in self.columns],
            "rows": [list(row) for row in self.rows],
        }


def record_name(record: PairRecord) -> str:
    """Name of a record's file, without ending."""
    return f"{record.pair:06d}-placebo" if record.placebo else f"{record.pair:06d}"


def pairs_grid(records: Sequence[PairRecord], seconds: Mapping[int, float]) -> Grid:
    """One row a pair or twin, with the trial that was kept, or its last one."""
    rows = []
    for record in sorted(records, key=lambda item: (item.pair, item.placebo)):
        trial = record.trial(record.accepted_trial) or (record.trials[-1] if record.trials else None)
        scores = trial.scores if trial else None
        before = record.content.scores
        rows.append(
            (
                record_name(record),
                "placebo" if record.placebo else "pair",
                "Accepted" if record.accepted else outcome_name(str(record.reason or "")),
                len(record.trials),
                record.content.image_id,
                record.style.image_id,
                _rounded(before.probability if before else None),
                _rounded(scores.probability if scores else None),
                _rounded(scores.anomaly if scores else None),
                _rounded(trial.mean_absolute_change if trial else None),
                None if record.placebo else _rounded(seconds.get(record.pair)),
            )
        )
    columns = (
        ("Record", "record", 0),
        ("Kind", "text", 0),
        ("Outcome", "text", 0),
        ("Trials", "number", 0),
        ("Content", "text", 0),
        ("Style", "text", 0),
        ("Malignancy before", "number", 3),
        ("After", "number", 3),
        ("Anomaly", "number", 3),
        ("Change", "number", 4),
        ("Seconds", "number", 1),
    )
    return Grid(
        "pairs",
        "Every pair and placebo twin that has ended; scores of the trial kept, else the last.",
        columns,
        tuple(rows),
    )


def patients_grid(records: Sequence[PairRecord]) -> Grid:
    """How often each source patient was used, and how many accepted films go back to them."""
    used: dict[tuple[str, str], list[PairRecord]] = defaultdict(list)
    films: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        sides: tuple[tuple[str, Source], ...] = (("content", record.content), ("style", record.style))
        for side, source in sides:
            used[source.patient_id, side].append(record)
            films[source.patient_id, side].add(source.image_id)
    accepted = sum(record.accepted for record in records)
    rows = []
    for (patient, side), own in sorted(used.items()):
        kept = sum(record.accepted for record in own)
        tried = sum(bool(record.trials) for record in own)
        rows.append(
            (
                patient,
                side,
                len(films[patient, side]),
                len(own),
                tried,
                kept,
                _rounded(kept / accepted if accepted else 0.0),
            )
        )
    columns = (
        ("Patient", "text", 0),
        ("Used as", "text", 0),
        ("Films", "number", 0),
        ("Pairs", "number", 0),
        ("Tried", "number", 0),
        ("Accepted", "number", 0),
        ("Share of accepted", "number", 3),
    )
    return Grid(
        "patients",
        "One row a patient and side. A share far above the others weighs one patient too much.",
        columns,
        tuple(rows),
    )


def near_copies_grid(rows: Sequence[Mapping[str, Any]]) -> Grid:
    """One row an accepted film, with its nearest real film."""
    found = tuple(
        (
            f"{row['pair']:06d}",
            ", ".join(
                name for name, is_so in (("copies", row["copied"]), ("hardly changed", row["unchanged"])) if is_so
            ),
            row["nearest"],
            row["nearest_patient"],
            _finite(row["nearest_distance"]),
            _finite(row["content_distance"]),
            _finite(row["style_distance"]),
            _rounded(row["change"]),
        )
        for row in rows
    )
    columns = (
        ("Record", "record", 0),
        ("Flag", "text", 0),
        ("Nearest real film", "text", 0),
        ("Its patient", "text", 0),
        ("Distance", "number", 3),
        ("To its content", "number", 3),
        ("To its style", "number", 3),
        ("Change", "number", 4),
    )
    return Grid("near-copies", "Each accepted film's nearest real film, its own content left out.", columns, found)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _finite(value: float | None) -> float | None:
    return None if value is None or value in (float("inf"), float("-inf")) else _rounded(value)
