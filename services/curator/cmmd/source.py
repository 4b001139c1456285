"""Joins the spreadsheet and the files of CMMD by patient and side; the view stands in the View Code Sequence."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.curator.archive import ArchiveFile, check_folder, list_archive
from services.curator.cmmd.breast_table import Breast, find_breast_table
from services.curator.dicom import DicomHeader
from services.curator.entry import Entry, SkippedFilm
from services.curator.source import Source, SourceFilm
from shared.dataset import Laterality
from shared.log import get_logger

NAME = "cmmd"

# Patients who are in CMMD twice, as the archive's page says; their labels contradict each other.
DUPLICATES = (("D1-0202", "D2-0284"), ("D1-0808", "D1-1292"))


@dataclass
class _Found:
    """What became of the files."""

    films: list[SourceFilm] = field(default_factory=list)
    skipped: list[SkippedFilm] = field(default_factory=list)
    unlabelled: Counter[tuple[str, Laterality]] = field(default_factory=Counter)
    """Films by breast."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """Films by patient."""


def read_cmmd(folder: Path, *, workers: int | None = 1) -> Source:
    """Find the labelled films of CMMD.

    Breasts without a label are left out and counted: they are not benign. Patients who are there under two names are
    left out under both.

    Args:
        folder: whatever was downloaded, and the spreadsheet, anywhere below it.
        workers: processes; None means one a core.

    Raises:
        ConfigurationError: if there is no such folder.
        DatasetError: if there is no spreadsheet, or it is malformed.

    """
    check_folder(folder, option="--cmmd")
    table, breasts = find_breast_table(folder)
    listing = list_archive(folder, name=NAME, option="--cmmd", workers=workers)
    labelled = {(breast.patient_id, breast.laterality): breast for breast in breasts}
    found = _join(listing.films, labelled)
    counts = Counter((film.entry.patient_id, film.entry.laterality) for film in found.films)
    dropped = {patient for pair in DUPLICATES for patient in pair}
    found.skipped += [
        SkippedFilm(path=f"{NAME}/{patient} {side}", reason="no file has the patient and the side of this breast")
        for patient, side in labelled
        if not counts[patient, side] and patient not in dropped
    ]
    notes: dict[str, Any] = {
        "table": table.name,
        "labelled_breasts": len(labelled),
        "patients": len({breast.patient_id for breast in breasts}),
        "films_found": len(found.films),
        "unlabelled_breasts": len(found.unlabelled),
        "unlabelled_films": found.unlabelled.total(),
        "dropped_duplicates": dict(sorted(found.duplicates.items())),
        "copies": listing.copies,
        "other_number_of_films": {
            f"{patient} {side}": counts[patient, side]
            for (patient, side), breast in labelled.items()
            if counts[patient, side] and breast.images not in (None, counts[patient, side])
        },
    }
    _tell(notes)
    return Source(
        films=found.films,
        skipped=[*listing.skipped, *found.skipped],
        notes={NAME: notes},
        options={"cmmd_sha256": hashlib.sha256(table.read_bytes()).hexdigest()},
    )


def _join(files: Sequence[ArchiveFile], labelled: Mapping[tuple[str, Laterality], Breast]) -> _Found:
    found = _Found()
    patients = {patient for patient, _ in labelled}
    dropped = {patient for pair in DUPLICATES for patient in pair}
    for file in files:
        header = file.header
        if header is None:
            continue
        breast = labelled.get((header.patient_id, header.laterality))
        if header.patient_id not in patients:
            reason = f"the table has no patient {header.patient_id!r}"
            found.skipped.append(SkippedFilm(path=file.name, reason=reason))
        elif header.laterality is Laterality.UNKNOWN:
            found.skipped.append(SkippedFilm(path=file.name, reason="the header does not say which side it shows"))
        elif breast is None:
            found.unlabelled[header.patient_id, header.laterality] += 1
        elif header.patient_id in dropped:
            found.duplicates[header.patient_id] += 1
        else:
            found.films.append(SourceFilm(entry=_make_entry(file, header, breast), file=file.file))
    return found


def _make_entry(file: ArchiveFile, header: DicomHeader, breast: Breast) -> Entry:
    side = "L" if breast.laterality is Laterality.LEFT else "R"
    return Entry(
        path=file.name,
        patient_id=breast.patient_id,
        pathology=breast.pathology,
        laterality=breast.laterality,
        view=header.view,
        source=NAME,
        row=breast.row,
        name=f"{breast.patient_id}_{side}_{header.view or 'film'}",
        subset=breast.patient_id[:2],
    )


def _tell(notes: dict[str, Any]) -> None:
    log = get_logger("curator")
    log.info(
        "read CMMD",
        **{key: notes[key] for key in ("labelled_breasts", "patients", "films_found", "copies")},
    )
    if notes["unlabelled_breasts"]:
        log.warning(
            "left out breasts of CMMD without a label: they are not benign",
            breasts=notes["unlabelled_breasts"],
            films=notes["unlabelled_films"],
        )
    if notes["dropped_duplicates"]:
        log.warning(
            "left out patients who are in CMMD under two names, with labels that contradict each other",
            patients=", ".join(notes["dropped_duplicates"]),
            films=sum(notes["dropped_duplicates"].values()),
        )
