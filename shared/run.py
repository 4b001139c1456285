"""A run as those read it who come after it: what it pins, its records, its accepted films."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from shared.errors import DatasetError, InvalidImageError, NotFoundError, UnavailableError
from shared.images import Film, decode_png16, sha256_pixels
from shared.progress import progress
from shared.record import PairRecord, from_json
from shared.store import Store

SCHEMA_VERSION = 1
"""Of `run.json`."""

PINNED = (
    "pairs",
    "seed",
    "size",
    "dataset_sha256",
    "policy",
    "policy_sha256",
    "keep_rejected",
    "models",
    "thresholds",
    "version",
)
"""What `run.json` must hold."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, finished or still going, in a folder or on object storage. Open it with `Run.open`."""

    store: Store
    pins: dict[str, Any]
    """`run.json`: what the run was started with."""
    records: tuple[PairRecord, ...]
    """Of its pairs, in their order; placebo twins are none of them."""
    unreadable: tuple[str, ...]
    """What is wrong with the records that could not be read."""
    options: dict[str, Any]
    """`configuration.yaml`: the options of whoever started it; empty where there is none."""

    @classmethod
    def open(cls, store: Store) -> "Run":
        """Read everything but the films.

        Raises:
            NotFoundError: if there is no run.
            DatasetError: if `run.json` is none.
            UnavailableError: if the storage does not answer.

        """
        pins = _read_pins(store)
        records, unreadable = _read_records(store, pins["pairs"])
        return cls(store=store, pins=pins, records=records, unreadable=unreadable, options=_read_options(store))

    @property
    def complete(self) -> bool:
        """Whether every pair has a record."""
        return bool(len(self.records) == self.pins["pairs"])

    @property
    def accepted(self) -> tuple[PairRecord, ...]:
        """Records of the accepted pairs, in their order."""
        return tuple(record for record in self.records if record.accepted and not record.placebo)

    def accepted_png(self, record: PairRecord) -> tuple[bytes, Film]:
        """Read an accepted film: its 16-bit PNG, and the same as (size, size) float32 in [0, 1].

        Raises:
            DatasetError: if its file is missing, broken, or not the film that was recorded.

        """
        return self._read(f"accepted/{record.pair:06d}.png", record.sha256)

    def original(self, record: PairRecord) -> Film:
        """Read an accepted film at its own resolution, where a lesion was changed: (rows, columns) float32 in [0, 1].

        Raises:
            DatasetError: if there is none, or its file is missing, broken, or not the film that was recorded.

        """
        if record.lesion is None:
            raise DatasetError(f"{self.store.address}: pair {record.pair}: found no lesion that was changed")
        _, film = self._read(f"originals/{record.pair:06d}.png", record.lesion.original_sha256)
        return film

    def _read(self, name: str, sha256: str) -> tuple[bytes, Film]:
        try:
            data = self.store.read(name)
            film = decode_png16(data)
        except (OSError, InvalidImageError) as error:
            raise DatasetError(f"{self.store.address}/{name}: cannot be read: {error}") from error
        found = sha256_pixels(film)
        if found != sha256:
            raise DatasetError(
                f"{self.store.address}/{name}: found pixels of sha256 {found[:12]}…, "
                f"needed those that were recorded, {sha256[:12]}…"
            )
        return data, film


def _read_pins(store: Store) -> dict[str, Any]:
    name = f"{store.address}/run.json"
    try:
        pins = json.loads(store.read("run.json"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"run: found no run.json in {store.address}, needed a run directory of mammosynth generate"
        ) from error
    except OSError as error:
        raise UnavailableError(f"{name}: cannot be read: {error}") from error
    except ValueError:
        pins = None
    if not isinstance(pins, dict) or pins.get("schema_version") != SCHEMA_VERSION:
        found = pins.get("schema_version") if isinstance(pins, dict) and pins else "no JSON object"
        raise DatasetError(f"{name}: found schema version {found}, needed {SCHEMA_VERSION}")
    missing = [key for key in PINNED if key not in pins]
    if missing:
        raise DatasetError(f"{name}: found no {', '.join(missing)}, needed all that a run pins")
    return pins


def _read_records(store: Store, pairs: int) -> tuple[tuple[PairRecord, ...], tuple[str, ...]]:
    names = [name for name in store.names("pairs", ".json") if name.isdigit() and int(name) < pairs]
    with progress("reading records", total=len(names)) as reporter:
        records, unreadable = read_records(store, names, advance=reporter.advance)
    return tuple(sorted(records, key=lambda record: record.pair)), unreadable


def read_records(
    store: Store, names: Sequence[str], *, advance: Callable[[], object] | None = None
) -> tuple[tuple[PairRecord, ...], tuple[str, ...]]:
    """Read records by the names of their files, without ending, and what is wrong with those that cannot be read.

    A record that is not there is left out without a word: its pair has not ended.
    """
    records: list[PairRecord] = []
    unreadable: list[str] = []
    for name, found in zip(names, store.read_each([f"pairs/{name}.json" for name in names]), strict=True):
        try:
            if not isinstance(found, OSError):
                records.append(from_json(found, where=f"pairs/{name}.json"))
            elif not isinstance(found, FileNotFoundError):
                unreadable.append(f"pairs/{name}.json: cannot be read: {found}")
        except DatasetError as error:
            unreadable.append(error.message)
        if advance is not None:
            advance()
    return tuple(records), tuple(unreadable)


def _read_options(store: Store) -> dict[str, Any]:
    try:
        values = yaml.safe_load(store.read("configuration.yaml"))
    except (OSError, yaml.YAMLError):
        return {}
    return values if isinstance(values, dict) else {}
