"""Rows of a CSV, with the numbers that people see in a spreadsheet."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from shared.errors import DatasetError


def read_csv_rows(path: Path, *, check: Callable[[list[str]], None]) -> list[tuple[int, dict[str, str]]]:
    """Read the rows that hold something, each with its number (the header is row 1) and its cells by column.

    Blanks and line ends around cells and names are taken off; names are in lower case.

    Args:
        path: UTF-8 with or without a byte order mark.
        check: called with the names of the columns, raises what it has against them.

    Raises:
        DatasetError: naming file, row and column of what is wrong, or saying that there is no row at all.

    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: found no CSV in UTF-8: {error}") from error
    if not rows or not rows[0]:
        raise DatasetError(f"{path}, row 1: found nothing, needed the names of columns")
    header = [name.strip().lower() for name in rows[0]]
    check(header)
    read = []
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise DatasetError(f"{path}, row {number}: found {len(cells)} cells, needed {len(header)}")
        read.append((number, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    if not read:
        raise DatasetError(f"{path}, row 2: found no film, needed at least one")
    return read


def check_columns(path: Path, header: Sequence[str], *, needed: Sequence[str], known: Sequence[str] = ()) -> None:
    """Check that the columns `needed` are there, and that neither they nor those `known` are there twice.

    Raises:
        DatasetError: naming file and column.

    """
    for name in (*needed, *known):
        if name in needed and name not in header:
            raise DatasetError(f"{path}, row 1, column {name}: missing; found {', '.join(header)}")
        if header.count(name) > 1:
            raise DatasetError(f"{path}, row 1, column {name}: found {header.count(name)} of that name, needed one")
