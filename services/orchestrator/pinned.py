"""What work that goes on after a kill was begun with: written once, compared ever after."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from services.orchestrator.configuration import StylizerPeerConfiguration
from shared.errors import DatasetError, RefusedRunError
from shared.files import write_atomically

_Configuration = TypeVar("_Configuration", bound=StylizerPeerConfiguration)


def pin(file: Path, pins: dict[str, Any], *, what: str, older: Mapping[str, Any] | None = None) -> None:
    """Begin work, or continue it where it was begun with the same.

    Args:
        file: JSON file that holds the pins.
        pins: by name; whatever JSON can hold.
        what: what the work is called in an error.
        older: values of pins that work which was begun before there were such pins did not write.

    Raises:
        RefusedRunError: naming what differs.
        DatasetError: if the file is there and cannot be read.

    """
    now = json.loads(json.dumps(pins))
    if not file.exists():
        write_atomically(file, (json.dumps(now, sort_keys=True, indent=1, allow_nan=False) + "\n").encode())
        return
    try:
        before = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: cannot be read: {error}") from error
    if not isinstance(before, dict):
        raise DatasetError(f"{file}: found {type(before).__name__}, needed names with values")
    before = {**(older or {}), **before}
    for key in sorted(now):
        if before.get(key) != now.get(key):
            raise RefusedRunError(
                f"{file.parent}: this {what} cannot be continued: {key}: begun with {before.get(key)!r}, "
                f"now {now.get(key)!r}; take another folder"
            )


def with_dtype(configuration: _Configuration, dtype: str | None) -> _Configuration:
    """Name the floating point type that `auto` stands for; a type that was named, or none, changes nothing."""
    if configuration.dtype != "auto" or not dtype:
        return configuration
    return configuration.model_copy(update={"dtype": dtype})


def pinned_dtype(file: Path, records: Iterable[Path]) -> str | None:
    """Read the floating point type that work in a folder was begun with: None where none was begun.

    Work that is older than this pin has the type that the first of its records names, or float32 where none does.

    Args:
        file: JSON file of the pins.
        records: JSON files of what was done, each with its numerics by service.

    """
    if not file.exists():
        return None
    pinned = _read(file).get("dtype")
    if pinned is None:
        numerics = (_read(record).get("numerics", {}).get("stylizer", {}) for record in sorted(records))
        pinned = next((kind["dtype"] for kind in numerics if "dtype" in kind), "float32")
    return str(pinned)


def _read(file: Path) -> dict[str, Any]:
    """Read what a file holds; nothing where it is broken, which whoever needs more of it will say."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
