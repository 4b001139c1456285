"""Reads a run directory, finished or still going, as plain files. The orchestrator writes it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import DatasetError, InvalidImageError
from shared.images import Film, decode_png16
from shared.record import PairRecord, from_json
from shared.run import Run
from shared.store import Store


@dataclass(frozen=True, kw_only=True)
class Timings:
    """What the workers of a run wrote down about time."""

    seconds: dict[int, float]
    """By pair, from its start to its end; of the first worker that ended it."""
    worker_seconds: float
    """How long all workers were at work, added up."""
    workers: int


@dataclass(frozen=True, kw_only=True)
class RunDirectory:
    """A run as it lies on the disk. Open it with `RunDirectory.open`."""

    path: Path
    pins: dict[str, Any]
    """`run.json`: what the run was started with."""
    records: tuple[PairRecord, ...]
    """In the order of their pairs."""
    twins: tuple[PairRecord, ...]
    """Records of placebo twins, in the order of their pairs."""
    unreadable: tuple[str, ...]
    """What is wrong with the records that could not be read."""
    numerics: dict[str, list[dict[str, Any]]]
    """By service: every kind of numerics that took part."""
    timings: Timings
    manifest: dict[str, Any] | None
    """`manifest.json`, where the run was summed up."""
    options: dict[str, Any]
    """`configuration.yaml`: the options of whoever started it; empty where there is none."""

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """Read everything but the films.

        Raises:
            NotFoundError: if there is no run.
            DatasetError: if `run.json` is none.

        """
        run = Run.open(Store(str(path)))
        twins, unreadable = _read_twins(path, set(run.pins.get("placebo", ())))
        return cls(
            path=path,
            pins=run.pins,
            records=run.records,
            twins=twins,
            unreadable=run.unreadable + unreadable,
            numerics=_numerics_seen(run.records),
            timings=_read_timings(path),
            manifest=_mapping(_json(path / "manifest.json")),
            options=run.options,
        )

    @property
    def complete(self) -> bool:
        """Whether every pair has a record."""
        return bool(len(self.records) == self.pins["pairs"])

    @property
    def run_digest(self) -> str:
        """The digest, where the manifest knows all records that are there; else empty."""
        if self.manifest is None or self.manifest.get("done") != len(self.records):
            return ""
        return str(self.manifest.get("run_digest", ""))

    def record_text(self, name: str) -> str:
        """A record as it is written, by its file's name without ending."""
        return (self.path / "pairs" / f"{name}.json").read_text(encoding="utf-8")

    def accepted_film(self, pair: int) -> Film | None:
        """Film of an accepted pair, (size, size) float32 in [0, 1]; None where its file is missing or broken."""
        return _film(self.path / "accepted" / f"{pair:06d}.png")

    def placebo_film(self, pair: int) -> Film | None:
        """Film of a twin that passed both gates, as `accepted_film`."""
        return _film(self.path / "placebo" / f"{pair:06d}.png")

    def rejected_film(self, pair: int, trial: int) -> Film | None:
        """Film of a rejected trial, (size, size) float32 in [0, 1]; None where it was not kept or is broken."""
        return _film(self.path / "rejected" / f"{pair:06d}-{trial}.png")

    def kept_rejected(self) -> set[tuple[int, int]]:
        """Pair and trial of every rejected film that was kept."""
        found = ((file.stem.partition("-")) for file in (self.path / "rejected").glob("*-*.png"))
        return {(int(pair), int(trial)) for pair, _, trial in found if pair.isdigit() and trial.isdigit()}


def _read_twins(path: Path, pairs: set[int]) -> tuple[tuple[PairRecord, ...], tuple[str, ...]]:
    twins, unreadable = [], []
    for pair in sorted(pairs):
        file = path / "pairs" / f"{pair:06d}-placebo.json"
        try:
            twins.append(from_json(file.read_bytes(), where=f"pairs/{file.name}"))
        except FileNotFoundError:
            continue
        except DatasetError as error:
            unreadable.append(error.message)
        except OSError as error:
            unreadable.append(f"pairs/{file.name}: cannot be read: {error}")
    return tuple(twins), tuple(unreadable)


def _numerics_seen(records: tuple[PairRecord, ...]) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, set[str]] = {}
    for record in records:
        for service, seen in record.numerics.items():
            kinds.setdefault(service, set()).update(json.dumps(kind, sort_keys=True) for kind in seen)
    return {service: [json.loads(kind) for kind in sorted(seen)] for service, seen in sorted(kinds.items())}


def _read_timings(path: Path) -> Timings:
    seconds: dict[int, float] = {}
    worker_seconds, workers = 0.0, 0
    for file in sorted((path / "timings").glob("*.json")):
        values = _mapping(_json(file))
        if not values or not values.get("pairs"):
            continue
        workers += 1
        worker_seconds += max(float(entry["ended_s"]) for entry in values["pairs"])
        for entry in values["pairs"]:
            seconds.setdefault(int(entry["pair"]), float(entry["seconds"]))
    return Timings(seconds=seconds, worker_seconds=worker_seconds, workers=workers)


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None


def _mapping(values: object) -> dict[str, Any] | None:
    return values if isinstance(values, dict) else None


def _film(file: Path) -> Film | None:
    try:
        return decode_png16(file.read_bytes())
    except (OSError, InvalidImageError):
        return None
