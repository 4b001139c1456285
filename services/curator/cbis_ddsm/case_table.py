"""The tables of case descriptions: one abnormality a row, with the paths that its files had in the archive."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.curator.csv_rows import read_csv_rows
from services.curator.entry import PATHOLOGIES
from shared.dataset import Laterality
from shared.errors import DatasetError

Series = tuple[str, str]
"""Study and Series Instance UID."""

# Names of the columns in the editions of 2017 (with blanks or underscores) and before.
_SPELLINGS = {
    "patient": ("patient id",),
    "side": ("left or right breast", "side"),
    "view": ("image view", "view"),
    "number": ("abnormality id", "abn num"),
    "pathology": ("pathology",),
    "image": ("image file path", "od img path"),
    "crop": ("cropped image file path", "cropped image path", "od crop path"),
    "mask": ("roi mask file path", "mask file path", "mask path"),
}
_KINDS = {"mass": ("mass shape", "mass margins"), "calc": ("calc type", "calc distribution")}
_PARTS = {"training": "train", "train": "train", "test": "test"}
_PATIENT = re.compile(r"P_\d{5}")
_UID = re.compile(r"\d+(\.\d+){3,}")


@dataclass(frozen=True, kw_only=True)
class Abnormality:
    """A row of a table."""

    row: int
    patient_id: str
    laterality: Laterality
    view: str
    number: str
    pathology: str
    kind: str
    """"mass" or "calc"."""
    part: str
    """Of the official split: "train" or "test"."""
    image: Series
    """Of the full view."""
    image_path: str
    """What the table calls the full view's file; no file of a download need be called so."""
    rois: tuple[Series, ...]
    """Of crop and mask, mostly one series."""


def find_tables(folder: Path) -> list[Path]:
    """Tables of case descriptions below a folder, told by their columns."""
    return [path for path in sorted(folder.rglob("*.csv")) if path.is_file() and _is_table(path)]


def _is_table(path: Path) -> bool:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    names = {_plain(name) for name in header}
    return all(names & set(_SPELLINGS[field]) for field in ("patient", "pathology", "image"))


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name.strip().lower())


def read_case_table(path: Path) -> list[Abnormality]:
    """Read a table of either edition, with line ends within cells, blanks around them, and any names of columns.

    Raises:
        DatasetError: naming file, row and column of what is malformed.

    """
    columns: dict[str, str] = {}
    names: list[str] = []

    def check(header: Sequence[str]) -> None:
        names.extend(_plain(name) for name in header)
        for field, spellings in _SPELLINGS.items():
            found = [name for name in header if _plain(name) in spellings]
            if len(found) != 1:
                raise DatasetError(
                    f"{path}, row 1, column {spellings[0]}: found {len(found)}, needed one; found {', '.join(header)}"
                )
            columns[field] = found[0]

    rows = read_csv_rows(path, check=check)
    kinds = [kind for kind, own in _KINDS.items() if set(own) & set(names)]
    if len(kinds) != 1:
        raise DatasetError(
            f"{path}, row 1: found neither or both of {_KINDS}, needed those of masses or calcifications"
        )
    return [
        _read_row(path, row, {field: cells[name] for field, name in columns.items()}, kinds[0]) for row, cells in rows
    ]


def _read_row(path: Path, row: int, cells: Mapping[str, str], kind: str) -> Abnormality:
    def refuse(field: str, needed: str) -> DatasetError:
        return DatasetError(
            f"{path}, row {row}, column {_SPELLINGS[field][0]}: found {cells[field]!r}, needed {needed}"
        )

    patient = _PATIENT.fullmatch(cells["patient"])
    if patient is None:
        raise refuse("patient", "a patient such as P_00001")
    if cells["side"].upper() not in ("LEFT", "RIGHT"):
        raise refuse("side", "LEFT or RIGHT")
    pathology = cells["pathology"].upper()
    if pathology not in PATHOLOGIES:
        raise refuse("pathology", f"one of {', '.join(PATHOLOGIES)}")
    series = {field: _read_series(cells[field]) for field in ("image", "crop", "mask")}
    image = series["image"]
    if image is None:
        raise refuse("image", "a path with Study and Series Instance UID")
    part = _read_part(cells["image"]) or _read_part(path.stem)
    if part is None:
        raise refuse("image", "a path, or a table, that says Training or Test")
    return Abnormality(
        row=row,
        patient_id=patient.group(),
        laterality=Laterality(cells["side"].lower()),
        view=cells["view"].upper(),
        number=cells["number"],
        pathology=pathology,
        kind=kind,
        part=part,
        image=image,
        image_path=cells["image"],
        rois=tuple(dict.fromkeys(uids for uids in (series["mask"], series["crop"]) if uids is not None)),
    )


def _read_series(cell: str) -> Series | None:
    uids = [part for part in re.split(r"[/\\]", cell) if _UID.fullmatch(part)]
    return (uids[-2], uids[-1]) if len(uids) > 1 else None


def _read_part(text: str) -> str | None:
    words = re.split(r"[^a-z]+", text.lower())
    return next((_PARTS[word] for word in words if word in _PARTS), None)


def read_case_tables(paths: Sequence[Path]) -> Iterator[Abnormality]:
    """Rows of several tables, each abnormality once, though a table may be there twice or in two editions.

    Raises:
        DatasetError: if a table is malformed, or two tell of one abnormality in different words.

    """
    seen: dict[tuple[Series, str], Abnormality] = {}
    for path in paths:
        for abnormality in read_case_table(path):
            key = (abnormality.image, abnormality.number)
            before = seen.setdefault(key, abnormality)
            if before is abnormality:
                yield abnormality
            elif (before.patient_id, before.pathology) != (abnormality.patient_id, abnormality.pathology):
                raise DatasetError(
                    f"{path}, row {abnormality.row}: found {abnormality.patient_id} {abnormality.pathology}, "
                    f"needed {before.patient_id} {before.pathology} as another row has it for this abnormality"
                )
