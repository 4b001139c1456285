"""What a page carries of films and records, within a budget of bytes.

Films are carried once each, as the 16-bit grey PNGs that they are, in base64; the page's script decodes them itself,
since a canvas gives 8 bits. Records are carried as text, gzip of 100 at a time, and unpacked when one is opened.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.images import Film, encode_png16, sha256_pixels

_RECORDS_A_CHUNK = 100


class FilmStore:
    """Films that the page carries, by a short name of their pixels."""

    def __init__(self) -> None:
        self.films: dict[str, str] = {}
        """PNGs in base64."""

    def add(self, film: Film) -> str:
        """Carry a film, (rows, columns) float32 in [0, 1]; returns its name."""
        name = f"film-{sha256_pixels(film)[:16]}"
        if name not in self.films:
            self.films[name] = base64.b64encode(encode_png16(film)).decode("ascii")
        return name

    @property
    def bytes(self) -> int:
        """Of all films together."""
        return sum(map(len, self.films.values()))


@dataclass(frozen=True)
class RecordArchive:
    """Records that the page carries."""

    names: tuple[tuple[str, ...], ...]
    """Of the records of each chunk: the names of their files, without ending."""
    chunks: tuple[str, ...]
    """Each a gzip, in base64, of a JSON object: the records' text by name."""
    left_out: int
    """Records that did not fit in."""

    @property
    def carried(self) -> int:
        """How many there are."""
        return sum(map(len, self.names))


def pack_records(texts: Iterable[tuple[str, str]], *, budget: int) -> RecordArchive:
    """Pack records, in the order given, until the budget is used up; what comes after is left out.

    Args:
        texts: name and text of each.
        budget: bytes of base64 at most.

    """
    names: list[tuple[str, ...]] = []
    chunks: list[str] = []
    used, left_out = 0, 0
    for chunk in _in_chunks(texts):
        packed = base64.b64encode(gzip.compress(json.dumps(chunk).encode(), mtime=0)).decode("ascii")
        if left_out or used + len(packed) > budget:
            left_out += len(chunk)
            continue
        used += len(packed)
        names.append(tuple(chunk))
        chunks.append(packed)
    return RecordArchive(tuple(names), tuple(chunks), left_out)


def _in_chunks(texts: Iterable[tuple[str, str]]) -> Iterable[Mapping[str, str]]:
    chunk: dict[str, str] = {}
    for name, text in texts:
        chunk[name] = text
        if len(chunk) == _RECORDS_A_CHUNK:
            yield chunk
            chunk = {}
    if chunk:
        yield chunk
