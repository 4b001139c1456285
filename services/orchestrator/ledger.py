"""The run directory: what a run was started with, one record a pair, accepted films, and what `finalise` makes of them.

run.json               what the run pins: data set, policy, seed, models
configuration.yaml     the resolved options of whoever started it
pairs/<i>.json         one record a pair, written in one piece after the film
accepted/<i>.png       accepted films, 16-bit grey
pairs/<i>-placebo.json the record of a pair's twin, whose style was a benign film
placebo/<i>.png        films of twins that passed both gates; they enter no data set
originals/<i>.png      where a lesion was changed: the accepted film at its own resolution; placebo-originals/ of twins
rejected/<i>-<t>.png   films of rejected trials, for a share of the pairs
timings/<worker>.json  how long things took, one file a worker
ledger.parquet         all trials of all pairs, by `finalise`
manifest.json          counts, run digest, numerics, whether complete; written last
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from services.orchestrator import ledger_table
from services.orchestrator.manifest import make_manifest
from shared.errors import DatasetError, NotFoundError, RefusedRunError
from shared.images import Film, decode_png16, encode_png16
from shared.record import Model, PairRecord, from_json
from shared.store import Store

SCHEMA_VERSION = 1
_PINNED = ("seed", "dataset_sha256", "policy_sha256")
_PAIR = re.compile(r"[0-9]{6,}")


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What a run was started with, and must be continued with."""

    pairs: int
    seed: int
    size: int
    """Rows and columns of its films, in pixels."""
    dataset_sha256: str
    policy: dict[str, Any]
    policy_sha256: str
    keep_rejected: float
    models: dict[str, Model]
    """By service: stylizer, anomaly, classifier."""
    dtype: str
    """Floating point type of the stylizer's features: "float32", "float64" or "bfloat16"."""
    placebo: tuple[int, ...] = ()
    """Pairs that are run a second time with a benign film as style."""
    thresholds: dict[str, float]
    """What the policy's gates came to with these models."""
    version: str
    """Of mammosynth."""
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> bytes:
        """Write them; the same pins are always the same bytes."""
        return json.dumps(asdict(self), sort_keys=True, indent=1).encode() + b"\n"


class Ledger:
    """Reads and writes a run directory: its pairs, or their placebo twins."""

    def __init__(self, store: Store, *, placebo: bool = False) -> None:
        self.store = store
        self._suffix = "-placebo" if placebo else ""
        self._films = "placebo" if placebo else "accepted"
        self._originals = "placebo-originals" if placebo else "originals"
        self.timings = "timings-placebo" if placebo else "timings"
        """Folder of the workers' timings."""

    @property
    def twins(self) -> "Ledger":
        """The same run directory's placebo twins."""
        return Ledger(self.store, placebo=True)

    def pin(self, pins: Pins) -> None:
        """Begin a run, or continue one that was begun with the same.

        Raises:
            RefusedRunError: naming what differs.

        """
        if not self.store.exists("run.json"):
            self.store.write("run.json", pins.to_json())
            return
        before, now = {"dtype": self.dtype(), **self.pins()}, json.loads(pins.to_json())
        differing = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        if differing:
            explained = "; ".join(f"{key}: begun with {before.get(key)!r}, now {now.get(key)!r}" for key in differing)
            raise RefusedRunError(f"{self.store.address}: this run cannot be continued: {explained}")

    def pins(self) -> dict[str, Any]:
        """Return what the run was started with.

        Raises:
            NotFoundError: if there is no run.
            DatasetError: if its `run.json` is broken.

        """
        try:
            found: dict[str, Any] = json.loads(self.store.read("run.json"))
        except FileNotFoundError as error:
            raise NotFoundError(f"run: found no run.json in {self.store.address}, needed a run directory") from error
        except ValueError as error:
            raise DatasetError(f"{self.store.address}/run.json: cannot be read: {error}") from error
        return found

    def dtype(self) -> str | None:
        """Floating point type that the run's films are made with; None where no run was begun.

        A run that is older than this pin has the type of its first film that was optimised, or float32 before that.
        """
        if not self.store.exists("run.json"):
            return None
        pinned = self.pins().get("dtype")
        if pinned is None:
            records = (self.record(pair) for pair in sorted(self.recorded()))
            pinned = next((kind["dtype"] for record in records for kind in stylizer_kinds(record)), "float32")
        return str(pinned)

    def recorded(self) -> set[int]:
        """Pairs that have a record."""
        names = self.store.names("pairs", f"{self._suffix}.json")
        return {int(name) for name in names if _PAIR.fullmatch(name)}

    def has_record(self, pair: int) -> bool:
        """Whether a pair has ended."""
        return self.store.exists(self._record(pair))

    def record(self, pair: int) -> PairRecord:
        """Read a pair's record.

        Raises:
            NotFoundError: if it has none.

        """
        name = self._record(pair)
        try:
            return from_json(self.store.read(name), where=f"{self.store.address}/{name}")
        except FileNotFoundError as error:
            raise NotFoundError(f"pair: found no record of pair {pair} in {self.store.address}") from error

    def write_rejected(self, pair: int, trial: int, film: Film) -> None:
        """Keep the film of a rejected trial, so that people can look at it."""
        self.store.write(f"rejected/{pair:06d}-{trial}{self._suffix}.png", encode_png16(film))

    def write(self, record: PairRecord, film: Film | None, original: Film | None = None) -> None:
        """Write an ended pair: first the accepted film, if there is one, and its original, then the record.

        A pair that has a record keeps it, and the film that belongs to it.
        """
        if self.has_record(record.pair):
            return
        if original is not None:
            self.store.write(f"{self._originals}/{record.pair:06d}.png", encode_png16(original))
        if film is not None:
            self.store.write(f"{self._films}/{record.pair:06d}.png", encode_png16(film))
        self.store.write(self._record(record.pair), record.to_json())

    def accepted_film(self, pair: int) -> Film:
        """Read an accepted film: (size, size) float32 in [0, 1].

        Raises:
            NotFoundError: if there is none.

        """
        return self._film("accepted", pair, what="accepted film")

    def original(self, pair: int) -> Film:
        """Read an accepted film at its own resolution, where a lesion was changed: (rows, columns) float32 in [0, 1].

        Raises:
            NotFoundError: if there is none.

        """
        return self._film(self._originals, pair, what="original")

    def _film(self, folder: str, pair: int, *, what: str) -> Film:
        try:
            return decode_png16(self.store.read(f"{folder}/{pair:06d}.png"))
        except FileNotFoundError as error:
            raise NotFoundError(f"pair: found no {what} of pair {pair} in {self.store.address}") from error

    def finalise(self) -> dict[str, Any]:
        """Pack the records into `ledger.parquet` and write `manifest.json`; returns what the manifest holds.

        May be run by anyone, at any time, again and again: the same records give the same bytes.

        Raises:
            NotFoundError: if there is no run.
            RefusedRunError: if a record was made with other inputs than the run was started with.
            DatasetError: if a record is broken.

        """
        pins = self.pins()
        manifest = self._pack(pins)
        # Another shard may have ended the run since the records were read; what is written here must not be the older.
        if not manifest["complete"] and self._all_recorded(pins):
            manifest = self._pack(pins)
        return manifest

    def _pack(self, pins: dict[str, Any]) -> dict[str, Any]:
        records = [self.record(pair) for pair in sorted(self.recorded()) if pair < pins["pairs"]]
        records += [self.twins.record(pair) for pair in sorted(self.twins.recorded() & set(pins.get("placebo", ())))]
        for record in records:
            self._check(record, pins)
        manifest = make_manifest(pins, records)
        self.store.write("ledger.parquet", ledger_table.pack(records))
        self.store.write("manifest.json", json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n")
        return manifest

    def _all_recorded(self, pins: dict[str, Any]) -> bool:
        return self.recorded() >= set(range(pins["pairs"])) and self.twins.recorded() >= set(pins.get("placebo", ()))

    def _record(self, pair: int) -> str:
        return f"pairs/{pair:06d}{self._suffix}.json"

    def _check(self, record: PairRecord, pins: dict[str, Any]) -> None:
        """Two that begin the same run at the same moment may have pinned different things."""
        models = {name: asdict(model) for name, model in record.models.items()}
        for key, found in (*((key, getattr(record, key)) for key in _PINNED), ("models", models)):
            if found != pins[key]:
                raise RefusedRunError(
                    f"{self.store.address}: pair {record.pair}: {key}: found {found!r}, needed the run's {pins[key]!r}"
                )
        for kind in stylizer_kinds(record):
            if kind["dtype"] != pins.get("dtype", kind["dtype"]):
                raise RefusedRunError(
                    f"{self.store.address}: pair {record.pair}: dtype: found {kind['dtype']!r}, "
                    f"needed the run's {pins['dtype']!r}"
                )


def stylizer_kinds(record: PairRecord) -> list[dict[str, Any]]:
    """Kinds of numerics of the stylizer that took part in a pair and that name their floating point type."""
    return [kind for kind in record.numerics.get("stylizer", []) if "dtype" in kind]
