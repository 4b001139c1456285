"""The table beside a folder of films: which patient and which pathology each film belongs to."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from services.curator.csv_rows import check_columns, read_csv_rows
from services.curator.entry import PATHOLOGIES, Entry, worst
from shared.dataset import Laterality
from shared.errors import DatasetError

REQUIRED_COLUMNS = ("pathology",)
# A film is found by one of these.
PLACE_COLUMNS = ("path", "sop_uid")
OPTIONAL_COLUMNS = ("laterality", "view", "source")

_LATERALITIES = {
    "": Laterality.UNKNOWN,
    "L": Laterality.LEFT,
    "LEFT": Laterality.LEFT,
    "R": Laterality.RIGHT,
    "RIGHT": Laterality.RIGHT,
}


def read_table(path: Path, *, source: str, drop_without_callback: bool = False) -> list[Entry]:
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
        DatasetError: if the table is malformed: names file, row and column.

    """
    films: dict[str, Entry] = {}
    for row, cells in read_csv_rows(path, check=partial(_check_header, path)):
        film = _read_film(path, row, cells, source)
        place = film.path or film.sop_uid
        before = films.get(place)
        films[place] = film if before is None else merge_rows(path, before, film)
    return [
        film for film in films.values() if not (drop_without_callback and film.pathology == "BENIGN_WITHOUT_CALLBACK")
    ]


def _check_header(path: Path, header: list[str]) -> None:
    if not set(PLACE_COLUMNS) & set(header):
        raise DatasetError(f"{path}, row 1, column path: missing; found {', '.join(header)}")
    check_columns(path, header, needed=REQUIRED_COLUMNS, known=(*PLACE_COLUMNS, "patient_id", *OPTIONAL_COLUMNS))


def _read_film(path: Path, row: int, cells: dict[str, str], source: str) -> Entry:
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
    return Entry(
        path=str(film_path) if film_path.name else "",
        patient_id=cells.get("patient_id", ""),
        pathology=pathology,
        laterality=laterality,
        view=view,
        source=cells.get("source") or source,
        row=row,
        sop_uid="" if film_path.name else sop_uid,
    )


def merge_rows(path: Path, before: Entry, film: Entry) -> Entry:
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
