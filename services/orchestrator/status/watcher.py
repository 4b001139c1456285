"""Reads how far a run is, again and again, and each record once: a record never changes."""

from dataclasses import dataclass
from typing import Any

from services.orchestrator.ledger import Ledger
from services.orchestrator.manifest import make_manifest
from services.orchestrator.status.pace import Pace, read_pace
from shared.errors import DatasetError, NotFoundError
from shared.record import PairRecord


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is."""

    address: str
    manifest: dict[str, Any]
    """What `mammosynth finalise` would write now."""
    unreadable: tuple[str, ...]
    """What is wrong with records that could not be read; their pairs count as missing."""
    pace: Pace | None
    """Of the pairs, their twins left out; None before the first time was written down."""

    @property
    def seconds_left(self) -> float | None:
        """Until the last pair ends at the pace so far; None where that is not known. Twins are left out."""
        if self.pace is None or not self.pace.timed:
            return None
        return float(self.manifest["missing"] * self.pace.seconds_per_pair)

    def to_dict(self) -> dict[str, Any]:
        """All numbers, as JSON can hold them."""
        pace = self.pace and {
            "timed": self.pace.timed,
            "workers": self.pace.workers,
            "worker_seconds": self.pace.worker_seconds,
            "seconds": self.pace.seconds,
            "last_ended": self.pace.last_ended,
        }
        return {
            "run": self.address,
            **self.manifest,
            "unreadable": list(self.unreadable),
            "pace": pace,
            "seconds_left": self.seconds_left,
        }


class Watcher:
    """Watches one run directory, pairs and placebo twins."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._records: dict[tuple[bool, int], PairRecord] = {}

    def look(self) -> Status:
        """Read what is new, and sum everything up.

        Raises:
            NotFoundError: if there is no run.

        """
        pins = self._ledger.pins()
        unreadable: list[str] = []
        for placebo, wanted in ((False, set(range(pins["pairs"]))), (True, set(pins.get("placebo", ())))):
            ledger = self._ledger.twins if placebo else self._ledger
            for pair in sorted(wanted & ledger.recorded()):
                if (placebo, pair) not in self._records:
                    try:
                        self._records[placebo, pair] = ledger.record(pair)
                    except (DatasetError, NotFoundError) as error:
                        unreadable.append(error.message)
        return Status(
            address=self._ledger.store.address,
            manifest=make_manifest(pins, [self._records[key] for key in sorted(self._records)]),
            unreadable=tuple(unreadable),
            pace=read_pace(self._ledger),
        )
