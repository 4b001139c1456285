"""Joins the tables and the files of CBIS-DDSM by the UIDs in both; no file's name, no PatientID is looked at."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from services.curator.archive import ArchiveFile, Listing, check_folder, list_archive
from services.curator.cbis_ddsm.case_table import Abnormality, Series, find_tables, read_case_tables
from services.curator.entry import Entry, Finding, SkippedFilm, label_of, worst
from services.curator.film_file import read_film_file
from services.curator.finding_mask import is_mask
from services.curator.source import Source, SourceFilm
from shared.errors import DatasetError, InvalidImageError
from shared.log import get_logger

NAME = "cbis-ddsm"

_ABSENT = "no file has the Study and Series Instance UID that the table has"


def read_cbis_ddsm(folder: Path, *, drop_without_callback: bool = False, workers: int | None = 1) -> Source:
    """Find the full views of CBIS-DDSM, with their labels, findings and official split.

    A film's pathology is the worst of all abnormalities of its patient, side and view, whichever of the two sets
    (masses, calcifications) lists them: 71 views are in both.

    Args:
        folder: whatever was downloaded, and the tables, anywhere below it.
        drop_without_callback: leave out films whose worst pathology is benign without callback.
        workers: processes; None means one a core.

    Raises:
        ConfigurationError: if there is no such folder.
        DatasetError: if there is no table, or one is malformed.

    """
    check_folder(folder, option="--cbis-ddsm")
    tables = find_tables(folder)
    if not tables:
        raise DatasetError(
            f"{folder}: found no table of case descriptions, needed mass_case_description_train_set.csv and its like"
        )
    views: dict[Series, list[Abnormality]] = {}
    for abnormality in read_case_tables(tables):
        views.setdefault(abnormality.image, []).append(abnormality)
    listing = list_archive(folder, name=NAME, option="--cbis-ddsm", workers=workers)
    by_series: dict[Series, list[ArchiveFile]] = {}
    for file in listing.films:
        if file.header is not None:
            by_series.setdefault((file.header.study_uid, file.header.series_uid), []).append(file)
    pathologies = _worst_by_view(views.values())
    films, skipped, dropped = [], list(listing.skipped), 0
    for series, abnormalities in views.items():
        pathology = pathologies[_view(abnormalities[0])]
        if drop_without_callback and pathology == "BENIGN_WITHOUT_CALLBACK":
            dropped += 1
            continue
        found = _find_full_view(by_series.get(series, []))
        if isinstance(found, str):
            skipped.append(SkippedFilm(path=f"{NAME}/{abnormalities[0].image_path}", reason=found))
        else:
            films.append(SourceFilm(entry=_make_entry(found, abnormalities, pathology, by_series), file=found.file))
    known = set(views) | {series for rows in views.values() for row in rows for series in row.rois}
    skipped += [
        SkippedFilm(path=file.name, reason="no table has its Study and Series Instance UID")
        for series, files in by_series.items()
        if series not in known
        for file in files
    ]
    notes = _sum_up(tables, views.values(), films, listing) | {"dropped_without_callback": dropped}
    _tell(notes)
    return Source(
        films=films,
        skipped=skipped,
        notes={NAME: notes},
        options={"cbis_ddsm_sha256": hashlib.sha256(b"".join(table.read_bytes() for table in tables)).hexdigest()},
    )


def _view(row: Abnormality) -> tuple[str, str, str]:
    return row.patient_id, row.laterality, row.view


def _worst_by_view(views: Any) -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for rows in views:
        for row in rows:
            found.setdefault(_view(row), []).append(row.pathology)
    return {view: worst(pathologies) for view, pathologies in found.items()}


def _pixels(file: ArchiveFile) -> int:
    return file.header.rows * file.header.columns if file.header else 0


def _find_full_view(files: Sequence[ArchiveFile]) -> ArchiveFile | str:
    """The full view among the files of its series, by content, or why there is none: the largest that is no mask."""
    if not files:
        return _ABSENT
    if len(files) == 1:
        return files[0]
    for file in sorted(files, key=_pixels, reverse=True):
        try:
            if not is_mask(read_film_file(file.file).film):
                return file
        except InvalidImageError:
            continue
    return f"none of the {len(files)} files of its series is a full view"


def _make_entry(
    file: ArchiveFile,
    abnormalities: Sequence[Abnormality],
    pathology: str,
    by_series: dict[Series, list[ArchiveFile]],
) -> Entry:
    first = abnormalities[0]
    return Entry(
        path=file.name,
        patient_id=first.patient_id,
        pathology=pathology,
        laterality=first.laterality,
        view=first.view,
        source=NAME,
        row=first.row,
        name=PurePosixPath(first.image_path).parts[0],
        subset=first.kind,
        official_split=first.part,
        findings=tuple(_make_finding(row, file, by_series) for row in abnormalities),
    )


def _make_finding(row: Abnormality, film: ArchiveFile, by_series: dict[Series, list[ArchiveFile]]) -> Finding:
    """A finding with the files that may be its mask, the largest first: crops are small."""
    files = [file for series in (*row.rois, row.image) for file in by_series.get(series, []) if file is not film]
    files.sort(key=_pixels, reverse=True)
    return Finding(label=label_of(row.pathology), masks=tuple((file.name, file.file) for file in files))


def _sum_up(tables: Sequence[Path], views: Any, films: Sequence[SourceFilm], listing: Listing) -> dict[str, Any]:
    parts: dict[str, set[str]] = {}
    for rows in views:
        for row in rows:
            parts.setdefault(row.patient_id, set()).add(row.part)
    return {
        "tables": [table.name for table in tables],
        "full_views": len(views),
        "views": len({_view(row) for rows in views for row in rows}),
        "patients": len(parts),
        "patients_on_both_sides": sorted(patient for patient, own in parts.items() if len(own) > 1),
        "films_found": len(films),
        "copies": listing.copies,
        "pathologies": dict(Counter(worst([row.pathology for row in rows]) for rows in views)),
    }


def _tell(notes: dict[str, Any]) -> None:
    log = get_logger("curator")
    counts = {key: notes[key] for key in ("full_views", "views", "patients", "films_found", "copies")}
    log.info("read CBIS-DDSM", tables=len(notes["tables"]), **counts)
    both = notes["patients_on_both_sides"]
    if both:
        log.warning(
            "patients stand on both sides of the official split of CBIS-DDSM, and go to its test side",
            patients=len(both),
            which=", ".join(both),
        )
