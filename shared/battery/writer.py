"""Writes the folder of a battery, film by film; a killed making goes on where it was."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.battery.folder import (
    SCHEMA_VERSION,
    BatteryFilm,
    Kind,
    LeftOut,
    entry_from_json,
    entry_to_json,
    film_file,
)
from shared.errors import DatasetError, RefusedRunError
from shared.files import write_atomically
from shared.images import Film, Mask, encode_mask_png, encode_png16


class BatteryWriter:
    """A battery in the making; it is complete once `battery.json` is there, which `finish` writes last."""

    def __init__(
        self, path: Path, *, dataset_sha256: str, size: int, seed: int, split: str, kinds: Sequence[Kind], plan: Any
    ) -> None:
        """Begin a battery, or continue one that was begun alike.

        Args:
            path: its folder.
            dataset_sha256: of the data set whose films are spoiled.
            size: rows and columns of each film, in pixels.
            seed: of all that is drawn.
            split: that the films come from.
            kinds: ways in which films are spoiled.
            plan: which films are spoiled how, JSON values.

        Raises:
            RefusedRunError: if the folder holds a battery that was begun otherwise.

        """
        self.path = path
        self._kinds = tuple(kinds)
        self._begun = {
            "dataset_sha256": dataset_sha256,
            "size": size,
            "seed": seed,
            "split": split,
            "kinds": [asdict(kind) for kind in kinds],
            "plan": plan,
        }
        self._refuse_another()
        if not self.finished:
            write_atomically(path / "making.json", json.dumps(self._begun, sort_keys=True, indent=1).encode() + b"\n")

    @property
    def finished(self) -> bool:
        """Whether the battery is complete."""
        return (self.path / "battery.json").exists()

    def entry(self, kind: str, content: str) -> BatteryFilm | LeftOut | None:
        """What is there of a film; None while nothing is."""
        record = self._record(kind, content)
        if not record.exists():
            return None
        return entry_from_json(record.read_bytes(), where=str(record))

    def write_film(self, entry: BatteryFilm, film: Film, mask: Mask) -> None:
        """Write a spoiled film, (size, size) float32 in [0, 1], and its mask, then its entry."""
        write_atomically(self.path / "masks" / f"{entry.content}.png", encode_mask_png(mask))
        write_atomically(self.path / entry.file, encode_png16(film))
        write_atomically(self._record(entry.kind, entry.content), entry_to_json(entry))

    def leave_out(self, entry: LeftOut) -> None:
        """Note that a film could not be made."""
        write_atomically(self._record(entry.kind, entry.content), entry_to_json(entry))

    def finish(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Write `battery.json`: the films of all (kind, content) that the plan names.

        Raises:
            DatasetError: if one of them is neither there nor left out.

        """
        entries = []
        for kind, content in sorted(
            wanted, key=lambda item: ([each.name for each in self._kinds].index(item[0]), item)
        ):
            entry = self.entry(kind, content)
            if entry is None:
                raise DatasetError(f"{self.path}: {film_file(kind, content)} was not made")
            entries.append(entry)
        info = {
            "schema_version": SCHEMA_VERSION,
            **self._begun,
            "films": [asdict(entry) for entry in entries if isinstance(entry, BatteryFilm)],
            "left_out": [asdict(entry) for entry in entries if isinstance(entry, LeftOut)],
        }
        text = json.dumps(info, sort_keys=True, indent=1, allow_nan=False)
        write_atomically(self.path / "battery.json", text.encode() + b"\n")
        (self.path / "making.json").unlink(missing_ok=True)

    def _record(self, kind: str, content: str) -> Path:
        return self.path / "records" / kind / f"{content}.json"

    def _refuse_another(self) -> None:
        found = next((file for name in ("battery.json", "making.json") if (file := self.path / name).exists()), None)
        if found is None:
            return
        try:
            before = json.loads(found.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{found}: cannot be read: {error}") from error
        for key, value in self._begun.items():
            if not isinstance(before, dict) or before.get(key) != json.loads(json.dumps(value)):
                raise RefusedRunError(
                    f"{self.path}: this battery cannot be continued: it was begun with another {key}; "
                    "take another folder"
                )
