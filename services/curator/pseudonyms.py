"""Keyed hashes in place of patients, paths and UIDs; the way back stays beside the key, outside the data set."""

import csv
import hashlib
import hmac
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import ConfigurationError
from shared.files import write_atomically

_FEWEST_BYTES = 16


@dataclass(frozen=True)
class Pseudonyms:
    """HMAC-SHA256 of what identifies a patient; equal keys give equal pseudonyms."""

    key: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path, *, dataset: Path) -> "Pseudonyms":
        """Read the key: all bytes of a file.

        Raises:
            ConfigurationError: if there is no such file, it holds fewer than 16 bytes, or it lies in the data set.

        """
        if path.resolve().is_relative_to(dataset.resolve()):
            raise ConfigurationError(
                f"--pseudonymise: found {path} inside {dataset}, needed a file outside the data set"
            )
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(
                f"--pseudonymise: {path} cannot be read: {error.strerror}; `openssl rand -hex 32` makes a key"
            ) from error
        if len(key) < _FEWEST_BYTES:
            raise ConfigurationError(
                f"--pseudonymise: found {len(key)} bytes in {path}, needed {_FEWEST_BYTES} or more"
            )
        return cls(key)

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and nothing else."""
        return self._hash("fingerprint", "").hex()[:16]

    def patient(self, patient_id: str) -> str:
        """Stand-in for a patient."""
        return f"P-{self._hash('patient', patient_id).hex()[:20]}"

    def path(self, path: str) -> str:
        """Stand-in for a file's path."""
        return f"F-{self._hash('path', path).hex()[:24]}"

    def uid(self, uid: str) -> str:
        """Stand-in for a UID, itself a UID (PS3.5, B.2); none for none."""
        return f"2.25.{int.from_bytes(self._hash('uid', uid)[:16])}" if uid else ""

    def _hash(self, kind: str, value: str) -> bytes:
        return hmac.new(self.key, f"{kind}\0{value}".encode(), hashlib.sha256).digest()


def write_way_back(key: Path, rows: Iterable[tuple[str, str, str]]) -> Path:
    """Add rows (kind, original, pseudonym) to the table that leads back, `<key>.csv`, which its owner alone may read.

    UIDs are not in it: those of a film stand in its file, to which its path leads.
    """
    table = key.with_name(f"{key.name}.csv")
    known = set(rows)
    if table.exists():
        with table.open(newline="", encoding="utf-8") as file:
            known |= {(row["kind"], row["original"], row["pseudonym"]) for row in csv.DictReader(file)}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("kind", "original", "pseudonym"))
    writer.writerows(sorted(known))
    write_atomically(table, buffer.getvalue().encode(), mode=0o600)
    return table
