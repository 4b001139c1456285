"""How far a run is, by its records: they say what happened, whatever became of its Job."""

import datetime
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from services.orchestrator.ledger import Ledger
from services.orchestrator.runs.request import RunRequest, is_run_name
from shared.errors import DatasetError, NotFoundError
from shared.store import Store

_REQUEST = "request.json"
_CANCELLED = "cancelled.json"


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What a run directory says of the run's beginning."""

    request: RunRequest
    created: datetime.datetime


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Pairs of a run by how they ended."""

    done: int = 0
    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    run_digest: str = ""
    """Of a complete run."""


class Records:
    """Reads the run directories below an address. A record never changes, so each is read once."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._seen: dict[str, dict[int, str | None]] = {}

    def address(self, name: str) -> str:
        """Where a run's directory is."""
        return f"{self._address}/{name}"

    def names(self) -> list[str]:
        """Runs that have a directory."""
        return [name for name in Store(self._address).names("", "") if is_run_name(name)]

    def remember(self, request: RunRequest, created: datetime.datetime) -> None:
        """Write down what a run was asked for with, so that it outlives its Job."""
        store = self._store(request.name)
        if not store.exists(_REQUEST):
            store.write(_REQUEST, json.dumps({**asdict(request), "created": created.isoformat()}).encode() + b"\n")

    def remembered(self, name: str) -> Remembered | None:
        """Read it back; None where there is no such run."""
        try:
            found = json.loads(self._store(name).read(_REQUEST))
            created = datetime.datetime.fromisoformat(found.pop("created"))
            return Remembered(request=RunRequest(**found), created=created)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{self.address(name)}/{_REQUEST}: found no request of a run: {error}") from error

    def cancel(self, name: str, when: datetime.datetime) -> None:
        """Write down that a run was stopped."""
        self._store(name).write(_CANCELLED, json.dumps({"cancelled": when.isoformat()}).encode() + b"\n")

    def cancelled(self, name: str) -> bool:
        """Whether it was."""
        return self._store(name).exists(_CANCELLED)

    def counts(self, name: str, pairs: int) -> Counts:
        """Count a run's pairs: from its manifest once that is complete, else from the records."""
        manifest = self._manifest(name)
        if manifest is not None and manifest.get("complete"):
            return Counts(
                done=manifest["done"],
                accepted=manifest["accepted"],
                rejected=manifest["rejected"],
                run_digest=manifest["run_digest"],
            )
        ledger = Ledger(self._store(name))
        seen = self._seen.setdefault(name, {})
        for pair in ledger.recorded() - set(seen):
            if pair < pairs:
                try:
                    reason = ledger.record(pair).reason
                except NotFoundError:  # removed meanwhile
                    continue
                seen[pair] = None if reason is None else str(reason)
        rejected = Counter(reason for reason in seen.values() if reason is not None)
        return Counts(done=len(seen), accepted=len(seen) - rejected.total(), rejected=dict(sorted(rejected.items())))

    def _manifest(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._store(name).read("manifest.json"))
        except FileNotFoundError:
            return None
        return found

    def _store(self, name: str) -> Store:
        return Store(self.address(name))
