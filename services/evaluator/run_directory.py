"""Reads a run, finished or still going, as plain files in a folder or on object storage. The orchestrator writes it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import DatasetError, InvalidImageError
from shared.images import Film, decode_png16
from shared.record import PairRecord
from shared.run import Run, read_records
from shared.store import Store
from shared.vetoes import read_vetoes


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
    """A run as it lies there. Open it with `RunDirectory.open`."""

    store: Store
    pins: dict[str, Any]
    """`run.json`: what the run was started with."""
    records: tuple[PairRecord, ...]
    """In the order of their pairs."""
    twins: tuple[PairRecord, ...]
    """Records of placebo twins, in the order of their pairs."""
    vetoes: dict[int, str]
    """Accepted pairs whose films people do not want, each with the reason."""
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
    def open(cls, store: Store) -> "RunDirectory":
        """Read everything but the films.

        Raises:
            NotFoundError: if there is no run.
            DatasetError: if `run.json` is none, or the run's vetoes are broken.
            UnavailableError: if the storage does not answer.

        """
        run = Run.open(store)
        names = [f"{pair:06d}-placebo" for pair in sorted(set(run.pins.get("placebo", ())))]
        twins, unreadable = read_records(store, names)
        return cls(
            store=store,
            pins=run.pins,
            records=run.records,
            twins=twins,
            vetoes={veto.pair: veto.reason for veto in read_vetoes(store, run.accepted)},
            unreadable=run.unreadable + unreadable,
            numerics=_numerics_seen(run.records),
            timings=_read_timings(store),
            manifest=_mapping(_json(store, "manifest.json")),
            options=run.options,
        )

    @property
    def accepted(self) -> tuple[PairRecord, ...]:
        """Records of the accepted pairs, in their order, those of vetoed films among them."""
        return tuple(record for record in self.records if record.accepted and not record.placebo)

    @property
    def kept(self) -> tuple[PairRecord, ...]:
        """Records of the accepted pairs whose films nobody vetoed."""
        return tuple(record for record in self.accepted if record.pair not in self.vetoes)

    @property
    def name(self) -> str:
        """What people call the run: the last part of where it lies."""
        return self.store.name

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

    def record_texts(self, names: Sequence[str]) -> Iterator[str]:
        """Records as they are written, by the names of their files without ending.

        Raises:
            DatasetError: if one is gone since the run was opened.

        """
        for name, found in zip(names, self.store.read_each([f"pairs/{name}.json" for name in names]), strict=True):
            if isinstance(found, OSError):
                raise DatasetError(f"{self.store.address}/pairs/{name}.json: cannot be read: {found}") from found
            yield found.decode("utf-8")

    def accepted_film(self, pair: int) -> Film | None:
        """Film of an accepted pair, (size, size) float32 in [0, 1]; None where its file is missing or broken."""
        return self._film(f"accepted/{pair:06d}.png")

    def placebo_film(self, pair: int) -> Film | None:
        """Film of a twin that passed both gates, as `accepted_film`."""
        return self._film(f"placebo/{pair:06d}.png")

    def rejected_film(self, pair: int, trial: int) -> Film | None:
        """Film of a rejected trial, (size, size) float32 in [0, 1]; None where it was not kept or is broken."""
        return self._film(f"rejected/{pair:06d}-{trial}.png")

    def kept_rejected(self) -> set[tuple[int, int]]:
        """Pair and trial of every rejected film that was kept."""
        found = (name.partition("-") for name in self.store.names("rejected", ".png"))
        return {(int(pair), int(trial)) for pair, _, trial in found if pair.isdigit() and trial.isdigit()}

    def _film(self, name: str) -> Film | None:
        try:
            return decode_png16(self.store.read(name))
        except (OSError, InvalidImageError):
            return None


def _numerics_seen(records: tuple[PairRecord, ...]) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, set[str]] = {}
    for record in records:
        for service, seen in record.numerics.items():
            kinds.setdefault(service, set()).update(json.dumps(kind, sort_keys=True) for kind in seen)
    return {service: [json.loads(kind) for kind in sorted(seen)] for service, seen in sorted(kinds.items())}


def _read_timings(store: Store) -> Timings:
    seconds: dict[int, float] = {}
    worker_seconds, workers = 0.0, 0
    for name in store.names("timings", ".json"):
        values = _mapping(_json(store, f"timings/{name}.json"))
        if not values or not values.get("pairs"):
            continue
        workers += 1
        worker_seconds += max(float(entry["ended_s"]) for entry in values["pairs"])
        for entry in values["pairs"]:
            seconds.setdefault(int(entry["pair"]), float(entry["seconds"]))
    return Timings(seconds=seconds, worker_seconds=worker_seconds, workers=workers)


def _json(store: Store, name: str) -> object:
    try:
        return json.loads(store.read(name))
    except (OSError, ValueError):
        return None


def _mapping(values: object) -> dict[str, Any] | None:
    return values if isinstance(values, dict) else None
