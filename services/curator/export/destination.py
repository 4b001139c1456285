"""Where an export is written: a place of its own, which a killed export goes on with, and which nothing else enters."""

import hashlib
import json
from typing import Any

from shared.errors import ConfigurationError
from shared.store import Store

MARKER = "exporting.json"
"""There while the export is not complete."""
SUMMARY = "export.json"
"""Written last."""


class Destination:
    """A folder, or a place on object storage, that holds one export. Every file is whole or not there."""

    def __init__(self, store: Store, contents: dict[str, Any]) -> None:
        """Begin an export, or go on with the same one.

        Args:
            store: where it is written.
            contents: what decides its bytes: kind, options, films, versions; JSON values.

        Raises:
            ConfigurationError: if the place is not empty and holds no export, or another one.

        """
        self.store = store
        self._contents: dict[str, Any] = json.loads(json.dumps(contents))
        self._begin()

    def has(self, name: str) -> bool:
        """Whether an earlier, interrupted export wrote this file."""
        return self.store.exists(name)

    def write(self, name: str, data: bytes) -> None:
        """Write a file in one piece.

        Raises:
            UnavailableError: if it cannot be written.

        """
        self.store.write(name, data)

    def finish(self, summary: dict[str, Any]) -> None:
        """Say that the export is complete, and what is in it."""
        self.store.write(SUMMARY, _json({**self._contents, **summary}))
        self.store.remove(MARKER)

    def _begin(self) -> None:
        entries = self.store.names("", "")
        before = next((name for name in (MARKER, SUMMARY) if name in entries), None)
        if before is None and entries:
            raise ConfigurationError(
                f"OUTPUT: found {len(entries)} entries in {self.store.address}, such as {entries[0]}; "
                "needed a new or empty folder"
            )
        if before is not None:
            self._compare(before)
        if before != SUMMARY:
            self.store.write(MARKER, _json(self._contents))
        self._remove_halves()

    def _compare(self, name: str) -> None:
        try:
            before = dict(json.loads(self.store.read(name)))
        except ValueError as error:
            raise ConfigurationError(f"OUTPUT: {self.store.address}/{name}: is none of an export: {error}") from error
        differing = sorted(key for key, value in self._contents.items() if before.get(key) != value)
        if differing:
            raise ConfigurationError(
                f"OUTPUT: {self.store.address} holds another export, which differs in {', '.join(differing)}; "
                "take another folder"
            )

    def _remove_halves(self) -> None:
        """Remove what a kill left of files that were being written."""
        folder = self.store.local_path
        for file in folder.rglob(".*.part") if folder else ():
            file.unlink(missing_ok=True)


def fingerprint(lines: list[str]) -> str:
    """Hash over what is exported, in its order."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, indent=1, sort_keys=True).encode() + b"\n"
