"""Lesions: a table of boxes beside a folder of films, and findings carried to the pixels of a prepared film."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from services.curator.csv_rows import check_columns, read_csv_rows
from services.curator.entry import PATHOLOGIES, Box, Finding, label_of
from services.curator.finding_mask import find_mask
from services.curator.framing import FramedFilm
from shared.dataset import Lesion
from shared.errors import DatasetError, InvalidImageError

_COLUMNS = ("path", "x", "y", "width", "height")


@dataclass(frozen=True)
class PlacedLesions:
    """The lesions of a prepared film."""

    lesions: tuple[Lesion, ...]
    remarks: tuple[str, ...]
    """Why findings became none."""


def read_lesions(path: Path) -> dict[str, list[Finding]]:
    """Read a CSV of boxes: path, x, y, width, height (pixels of the film's file, top left corner), maybe pathology.

    Raises:
        DatasetError: if it is malformed: names file, row and column.

    """
    findings: dict[str, list[Finding]] = {}
    for row, cells in read_csv_rows(path, check=partial(check_columns, path, needed=_COLUMNS, known=("pathology",))):
        numbers = {column: _read_number(path, row, column, cells[column]) for column in _COLUMNS[1:]}
        for column in ("width", "height"):
            if numbers[column] <= 0:
                raise DatasetError(f"{path}, row {row}, column {column}: found {cells[column]!r}, needed more than 0")
        pathology = cells.get("pathology", "").upper()
        if pathology and pathology not in PATHOLOGIES:
            raise DatasetError(
                f"{path}, row {row}, column pathology: found {cells['pathology']!r}, "
                f"needed one of {', '.join(PATHOLOGIES)}, or nothing"
            )
        film = str(PurePosixPath(cells["path"].replace("\\", "/")))
        label = label_of(pathology) if pathology else ""
        findings.setdefault(film, []).append(Finding(label=label, box=Box(**numbers)))
    return findings


def _read_number(path: Path, row: int, column: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DatasetError(f"{path}, row {row}, column {column}: found {cell!r}, needed a number of pixels")
    return number


def place_findings(findings: Sequence[Finding], framed: FramedFilm, shape: tuple[int, ...]) -> PlacedLesions:
    """Carry the findings of a film to the pixels of the prepared one, reading masks where they tell the place.

    Args:
        findings: of the film.
        framed: the prepared film.
        shape: rows and columns of the film's file.

    """
    lesions, remarks = [], []
    for number, finding in enumerate(findings, start=1):
        try:
            name, box = ("", finding.box) if finding.box is not None else find_mask(finding, shape)
        except InvalidImageError as error:
            remarks.append(f"finding {number}: {error.message}")
            continue
        placed = framed.place_box(box)
        if placed is None:
            remarks.append(f"finding {number}: lies outside of what was taken for the breast")
            continue
        lesions.append(
            Lesion(x=placed.x, y=placed.y, width=placed.width, height=placed.height, label=finding.label, path=name)
        )
    return PlacedLesions(_unique(lesions), tuple(remarks))


def _unique(lesions: Sequence[Lesion]) -> tuple[Lesion, ...]:
    return tuple(dict.fromkeys(lesions))
