"""Completes a table from the headers of the films' files: place, patient, side and view; what the table says wins."""

import filecmp
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from services.curator.dicom import DicomHeader, is_dicom, read_dicom_header
from services.curator.entry import Entry, SkippedFilm
from services.curator.table import merge_rows
from services.curator.workers import map_in_processes
from shared.dataset import Laterality
from shared.errors import DatasetError, InvalidImageError
from shared.progress import progress


@dataclass(frozen=True)
class FileHeader:
    """What could be learned of a file without reading its pixels."""

    path: str
    """Relative to the folder of films."""
    header: DicomHeader | None = None
    """None when the file is not DICOM, or cannot be read."""
    reason: str = ""
    """Why the file cannot be read."""


@dataclass(frozen=True)
class Identified:
    """The films of a table, each with path and patient."""

    films: list[Entry]
    skipped: list[SkippedFilm]
    """Films whose file was not found, or cannot be read and has no patient in the table."""


def identify(films: Sequence[Entry], *, images: Path, table: Path, workers: int | None = 1) -> Identified:
    """Find the files of films that are known by SOP Instance UID, and fill what the table leaves empty.

    Args:
        films: of the table.
        images: folder of films.
        table: the table, for messages.
        workers: processes; None means one a core.

    Raises:
        DatasetError: if a film has a patient neither in the table nor in its header, or rows of one file differ.

    """
    placed, skipped = _place(films, images, workers)
    incomplete = [film.path for film in placed if not (film.patient_id and film.laterality and film.view)]
    headers = {found.path: found for found in read_headers(images, incomplete, workers=workers)}
    complete: dict[str, Entry] = {}
    for film in placed:
        found = headers.get(film.path, FileHeader(film.path))
        if found.header is None and found.reason and not film.patient_id:
            skipped.append(SkippedFilm(path=film.path, reason=found.reason))
            continue
        filled = _fill(film, found.header)
        if not filled.patient_id:
            raise DatasetError(
                f"{table}, row {film.row}, column patient_id: found '', needed a value: "
                f"the header of {film.path} has none"
            )
        before = complete.get(film.path)
        complete[film.path] = filled if before is None else merge_rows(table, before, filled)
    return Identified(list(complete.values()), skipped)


def read_headers(images: Path, paths: Sequence[str], *, workers: int | None = 1) -> Iterator[FileHeader]:
    """Read the headers of files below a folder, in any order."""
    if not paths:
        return
    with progress("reading headers", total=len(paths)) as shown:
        for found in map_in_processes(partial(_read_header, images), paths, workers=workers):
            yield found
            shown.advance(note=found.path)


def _read_header(images: Path, path: str) -> FileHeader:
    file = images / path
    try:
        if not file.is_file():
            return FileHeader(path, reason="no such file")
        return FileHeader(path, header=read_dicom_header(file) if is_dicom(file) else None)
    except InvalidImageError as error:
        return FileHeader(path, reason=error.message)
    except OSError as error:
        return FileHeader(path, reason=f"cannot be read: {error.strerror}")


def _fill(film: Entry, header: DicomHeader | None) -> Entry:
    if header is None:
        return film
    return replace(
        film,
        patient_id=film.patient_id or header.patient_id,
        laterality=film.laterality if film.laterality is not Laterality.UNKNOWN else header.laterality,
        view=film.view or header.view,
    )


def _place(films: Sequence[Entry], images: Path, workers: int | None) -> tuple[list[Entry], list[SkippedFilm]]:
    """Give each film its path, by the SOP Instance UIDs of all files where the table knows nothing else."""
    if all(film.path for film in films):
        return list(films), []
    root = images.resolve()
    below = (path for path in sorted(images.rglob("*")) if path.is_file() and path.resolve().is_relative_to(root))
    paths = [path.relative_to(images).as_posix() for path in below]
    by_uid: dict[str, list[str]] = {}
    for found in sorted(read_headers(images, paths, workers=workers), key=lambda found: found.path):
        if found.header is not None and found.header.sop_uid:
            by_uid.setdefault(found.header.sop_uid, []).append(found.path)
    placed, skipped = [], []
    for film in films:
        files = [film.path] if film.path else by_uid.get(film.sop_uid, [])
        alike = all(filecmp.cmp(images / files[0], images / other, shallow=False) for other in files[1:])
        if files and alike:
            placed.append(replace(film, path=files[0]))
        else:
            reason = (
                f"{len(files)} files have this SOP Instance UID and differ"
                if files
                else "no file has this SOP Instance UID"
            )
            skipped.append(SkippedFilm(path=film.sop_uid, reason=reason))
    return placed, skipped
