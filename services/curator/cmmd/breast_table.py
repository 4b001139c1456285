"""The spreadsheet of CMMD: one breast a row, known by patient and side."""

import re
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from services.curator.entry import worst
from shared.dataset import Laterality
from shared.errors import DatasetError

_COLUMNS = ("id1", "leftright", "classification")
_PATIENT = re.compile(r"D[12]-\d{4}")
_SIDES = {"L": Laterality.LEFT, "R": Laterality.RIGHT}
_PATHOLOGIES = {"benign": "BENIGN", "malignant": "MALIGNANT"}


@dataclass(frozen=True, kw_only=True)
class Breast:
    """A row of the spreadsheet."""

    row: int
    patient_id: str
    laterality: Laterality
    pathology: str
    images: int | None
    """How many films there are of it, where the spreadsheet says it."""


def find_breast_table(folder: Path) -> tuple[Path, list[Breast]]:
    """Find the one spreadsheet below a folder that tells of breasts, and read it.

    Raises:
        DatasetError: if there is none, or several that differ, or it is malformed: names file, row and column.

    """
    found, reasons = {}, []
    for path in sorted(path for path in folder.rglob("*.xlsx") if not path.name.startswith("~$")):
        try:
            rows = _read_sheet(path)
        except DatasetError as error:
            reasons.append(error.message)
            continue
        if rows is not None:
            found[path] = _read_rows(path, rows)
    if not found:
        said = "; ".join(reasons) or "found no spreadsheet"
        raise DatasetError(f"{folder}: {said}, needed CMMD_clinicaldata_revision.xlsx")
    tables = list(found.items())
    for path, breasts in tables[1:]:
        if breasts != tables[0][1]:
            raise DatasetError(f"{path}: found another table of breasts than in {tables[0][0]}, needed one")
    return tables[0]


def _read_sheet(path: Path) -> list[list[str]] | None:
    """Cells of the first sheet that has the columns of a table of breasts, as text; None if none has."""
    try:
        with warnings.catch_warnings():
            # openpyxl warns of styles and extensions that it passes over.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                for sheet in book.worksheets:
                    rows = [["" if cell is None else str(cell).strip() for cell in row] for row in sheet.values]
                    if rows and set(_COLUMNS) <= {name.lower() for name in rows[0]}:
                        return rows
            finally:
                book.close()
    except (OSError, zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, ParseError) as error:
        raise DatasetError(f"{path}: found no spreadsheet: {error}") from error
    return None


def _read_rows(path: Path, rows: Sequence[Sequence[str]]) -> list[Breast]:
    header = [name.lower() for name in rows[0]]
    breasts: dict[tuple[str, Laterality], Breast] = {}
    for number, cells in enumerate(rows[1:], start=2):
        named = dict(zip(header, cells, strict=False))
        if not any(named.values()):
            continue
        breast = _read_breast(path, number, named)
        if breast is None:
            continue
        key = (breast.patient_id, breast.laterality)
        before = breasts.get(key)
        if before is None or worst((before.pathology, breast.pathology)) != before.pathology:
            breasts[key] = breast
    return list(breasts.values())


def _read_breast(path: Path, row: int, cells: dict[str, str]) -> Breast | None:
    """Read a row; None where it has no classification: such a breast is not labelled, and not benign either."""

    def refuse(column: str, needed: str) -> DatasetError:
        return DatasetError(f"{path}, row {row}, column {column}: found {cells[column]!r}, needed {needed}")

    if not _PATIENT.fullmatch(cells["id1"]):
        raise refuse("id1", "a patient such as D1-0001")
    side = _SIDES.get(cells["leftright"].upper())
    if side is None:
        raise refuse("leftright", "L or R")
    if not cells["classification"]:
        return None
    pathology = _PATHOLOGIES.get(cells["classification"].lower())
    if pathology is None:
        raise refuse("classification", "Benign or Malignant")
    images = cells.get("number", "")
    return Breast(
        row=row,
        patient_id=cells["id1"],
        laterality=side,
        pathology=pathology,
        images=int(images) if images.isdigit() else None,
    )
