"""Films of a run that people do not want: `vetoed.json` beside the records, written after somebody looked at them.

{"schema_version": 1, "vetoed": [{"pair": 3, "sha256": "<of the accepted film>", "reason": "doubled skin line"}]}
"""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import DatasetError
from shared.record import PairRecord
from shared.store import Store

NAME = "vetoed.json"


class Veto(BaseModel):
    """One film that must not leave the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pair: int = Field(ge=0)
    sha256: str
    """Of the accepted film's pixels, so that a veto cannot hit another film than the one that was looked at."""
    reason: str = ""
    study: str = ""
    """Of the reader study that it comes from; empty where somebody wrote it otherwise."""


class _VetoFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(ge=1, le=1)
    vetoed: tuple[Veto, ...]


def read_vetoes(store: Store, accepted: Sequence[PairRecord]) -> tuple[Veto, ...]:
    """Read the vetoes of a run; none where there is no file.

    Raises:
        DatasetError: if the file is broken, or names a film that is none of the accepted ones: a veto is never ignored.

    """
    where = f"{store.address}/{NAME}"
    vetoes = _read(store)
    films = {record.pair: record.sha256 for record in accepted}
    for veto in vetoes:
        if films.get(veto.pair) != veto.sha256:
            found = f"the film {films[veto.pair][:12]}…" if veto.pair in films else "no accepted film"
            raise DatasetError(f"{where}: pair {veto.pair}: found {found}, the veto names {veto.sha256[:12]}…")
    return vetoes


def replace_vetoes(store: Store, study: str, vetoes: Sequence[Veto]) -> int:
    """Put the vetoes of a reader study in the place of its earlier ones; all others stay. Returns how many there are.

    Args:
        store: of the run.
        study: whose vetoes these are.
        vetoes: all that it came to; a film that others vetoed already is not named twice.

    Raises:
        DatasetError: if the file that is there is broken: it is left as it is.
        UnavailableError: if it cannot be written.

    """
    before = _read(store)
    kept = [veto for veto in before if veto.study != study]
    named = {veto.pair for veto in kept}
    after = sorted([*kept, *(veto for veto in vetoes if veto.pair not in named)], key=lambda veto: veto.pair)
    if after or before:
        file = _VetoFile(schema_version=1, vetoed=tuple(after))
        store.write(NAME, (file.model_dump_json(indent=1) + "\n").encode())
    return len(after)


def _read(store: Store) -> tuple[Veto, ...]:
    where = f"{store.address}/{NAME}"
    try:
        return _VetoFile.model_validate(json.loads(store.read(NAME))).vetoed
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DatasetError(f"{where}: cannot be read: {error}") from error
    except (ValidationError, ValueError) as error:
        raise DatasetError(f"{where}: is no list of vetoes: {error}") from error
