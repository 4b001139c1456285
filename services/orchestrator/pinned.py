"""What work that goes on after a kill was begun with: written once, compared ever after."""

import json
from pathlib import Path
from typing import Any

from shared.errors import DatasetError, RefusedRunError
from shared.files import write_atomically


def pin(file: Path, pins: dict[str, Any], *, what: str) -> None:
    """Begin work, or continue it where it was begun with the same.

    Args:
        file: JSON file that holds the pins.
        pins: by name; whatever JSON can hold.
        what: what the work is called in an error.

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
    for key in sorted(now):
        if before.get(key) != now.get(key):
            raise RefusedRunError(
                f"{file.parent}: this {what} cannot be continued: {key}: begun with {before.get(key)!r}, "
                f"now {now.get(key)!r}; take another folder"
            )
