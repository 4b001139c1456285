"""The table beside a folder of films: which patient and which pathology each film belongs to."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from shared.dataset import Label, Laterality
from shared.errors import DatasetError

REQUIRED_COLUMNS = ("pathology",)
# A film is found by one of these.
PLACE_COLUMNS = ("path", "sop_uid")
OPTIONAL_COLUMNS = ("laterality", "view", "source")

# From least to worst; CBIS-DDSM's vocabulary.
PATHOLOGIES = ("BENIGN_WITHOUT_CALLBACK", "BENIGN", "MALIGNANT")

_LATERALITIES = {
    "": Laterality.UNKNOWN,
    "L": Laterality.LEFT,
    "LEFT": Laterality.LEFT,
    "R": Laterality.RIGHT,
    "RIGHT": Laterality.RIGHT,
}


@dataclass(frozen=True, kw_only=True)
class TableFilm:
    """A film as the table has it; its pathology is the worst of its rows."""

    path: str
    """Of the file, relative to the folder of films; empty while only `sop_uid` is known."""
    patient_id: str
    """Empty while only the file's header knows it."""
    pathology: str
    laterality: Laterality
    view: str
    source: str
    row: int
    """First row of the film; the header is row 1."""
    sop_uid: str = ""
    """SOP Instance UID (0008,0018) of the file, where the table has no path."""

    @property
    def label(self) -> Label:
        """Class of the film: benign without callback counts as benign."""
        return label_of(self.pathology)


def label_of(pathology: str) -> Label:
    """Class of a pathology of `PATHOLOGIES`."""
    return Label.MALIGNANT if pathology == "MALIGNANT" else Label.BENIGN


def worst(pathologies: Sequence[str]) -> str:
    """The worst of some pathologies of `PATHOLOGIES`."""
    return max(pathologies, key=PATHOLOGIES.index)


def read_table(path: Path, *, source: str, drop_without_callback: bool = False) -> list[TableFilm]:
    """Read a CSV with the columns path (or sop_uid), pathology, and optionally patient_id, laterality, view and source.

    Other columns are ignored. Several rows of one path (or sop_uid) are findings of one film. A patient may be missing
    only where the header of the film's file has one, which is not looked at here.

    Args:
        path: the CSV, UTF-8 with or without a byte order mark.
        source: archive or clinic of films whose row does not name one.
        drop_without_callback: leave out films whose worst pathology is benign without callback.

    Returns:
        Films in the order of their first row.

    Raises:
        DatasetError: if the table is malformed or has no film of one of the classes: names file, row and column.

    """
    films: dict[str, TableFilm] = {}
    for row, cells in _read_rows(path):
        film = _read_film(path, row, cells, source)
        place = film.path or film.sop_uid
        before = films.get(place)
        films[place] = film if before is None else merge_rows(path, before, film)
    kept = [
        film for film in films.values() if not (drop_without_callback and film.pathology == "BENIGN_WITHOUT_CALLBACK")
    ]
    for label in Label:
        if not any(film.label == label for film in kept):
            raise DatasetError(f"{path}, column pathology: found no {label} film, needed films of both classes")
    return kept


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows by their number, each with its cells by column name, without blanks around them."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: found no CSV in UTF-8: {error}") from error
    header = _read_header(path, rows[0] if rows else [])
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


def _read_header(path: Path, cells: list[str]) -> list[str]:
    if not cells:
        raise DatasetError(f"{path}, row 1: found nothing, needed the columns path, patient_id and pathology")
    header = [name.strip().lower() for name in cells]
    if not set(PLACE_COLUMNS) & set(header):
        raise DatasetError(f"{path}, row 1, column path: missing; found {', '.join(header)}")
    for name in (*REQUIRED_COLUMNS, *PLACE_COLUMNS, "patient_id", *OPTIONAL_COLUMNS):
        if name in REQUIRED_COLUMNS and name not in header:
            raise DatasetError(f"{path}, row 1, column {name}: missing; found {', '.join(header)}")
        if header.count(name) > 1:
            raise DatasetError(f"{path}, row 1, column {name}: found {header.count(name)} of that name, needed one")
    return header


def _read_film(path: Path, row: int, cells: dict[str, str], source: str) -> TableFilm:
    def refuse(column: str, needed: str) -> DatasetError:
        return DatasetError(f"{path}, row {row}, column {column}: found {cells[column]!r}, needed {needed}")

    film_path, sop_uid = PurePosixPath(cells.get("path", "").replace("\\", "/")), cells.get("sop_uid", "")
    if not film_path.name and not sop_uid:
        raise refuse("path" if "path" in cells else "sop_uid", "a value")
    if film_path.is_absolute() or ".." in film_path.parts:
        raise refuse("path", "a path inside the folder of films")
    if not re.fullmatch(r"[0-9.]{0,64}", sop_uid):
        raise refuse("sop_uid", "a SOP Instance UID: digits and dots")
    pathology = re.sub(r"[\s-]+", "_", cells["pathology"].upper())
    if pathology not in PATHOLOGIES:
        raise refuse("pathology", f"one of {', '.join(PATHOLOGIES)}")
    laterality = _LATERALITIES.get(cells.get("laterality", "").upper())
    if laterality is None:
        raise refuse("laterality", "LEFT, RIGHT or nothing")
    view = cells.get("view", "").upper()
    if not re.fullmatch(r"[A-Z]{0,8}", view):
        raise refuse("view", "a view such as CC or MLO, or nothing")
    return TableFilm(
        path=str(film_path) if film_path.name else "",
        patient_id=cells.get("patient_id", ""),
        pathology=pathology,
        laterality=laterality,
        view=view,
        source=cells.get("source") or source,
        row=row,
        sop_uid="" if film_path.name else sop_uid,
    )


def merge_rows(path: Path, before: TableFilm, film: TableFilm) -> TableFilm:
    """Join two rows of one film, which may differ in pathology only.

    Raises:
        DatasetError: naming the table, the row and the column in which they differ otherwise.

    """
    for column in ("patient_id", *OPTIONAL_COLUMNS):
        first, second = getattr(before, column), getattr(film, column)
        if first != second:
            raise DatasetError(
                f"{path}, row {film.row}, column {column}: found {str(second)!r}, "
                f"needed {str(first)!r} as in row {before.row}, which is of the same film"
            )
    return (
        before
        if worst((before.pathology, film.pathology)) == before.pathology
        else replace(before, pathology=film.pathology)
    )
