"""`mammosynth dataset phantom`: films of many phantom patients, with their table."""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from services.curator.configuration import PhantomConfiguration
from services.curator.phantom.archive.cbis_ddsm import plan_cbis_ddsm
from services.curator.phantom.archive.cmmd import plan_cmmd
from services.curator.phantom.archive.writing import write_archive
from services.curator.phantom.cohort import PlannedFilm, plan_cohort
from services.curator.phantom.dicom import write_dicom
from services.curator.phantom.film import make_phantom
from services.curator.workers import map_in_processes
from shared.images import encode_png16
from shared.progress import progress

_TABLE_COLUMNS = ("path", "patient_id", "laterality", "view", "pathology", "source")
_LESION_COLUMNS = ("path", "x", "y", "width", "height", "pathology")


def run(configuration: PhantomConfiguration) -> None:
    """Make phantom mammograms of made patients, with a table that `dataset prepare` reads."""
    if configuration.layout != "plain":
        _make_archive(configuration)
        return
    films = plan_cohort(
        patients=configuration.patients,
        malignant_share=configuration.malignant_share,
        seed=configuration.seed,
        suffix=".dcm" if configuration.format == "dicom" else ".png",
    )
    (configuration.output / "films").mkdir(parents=True, exist_ok=True)
    make = partial(_make_film, configuration)
    boxes = {}
    with progress("drawing phantoms", total=len(films)) as shown:
        for path, box in map_in_processes(make, films, workers=configuration.workers):
            boxes[path] = box
            shown.advance(note=path)
    rows = [(film.path, film.patient_id, film.laterality, film.view, film.pathology, "phantom") for film in films]
    _write_csv(configuration.output / "table.csv", _TABLE_COLUMNS, rows)
    lesions = [(film.path, *boxes[film.path], film.pathology) for film in films]
    _write_csv(configuration.output / "lesions.csv", _LESION_COLUMNS, lesions)


def _make_archive(configuration: PhantomConfiguration) -> None:
    plan = plan_cbis_ddsm if configuration.layout == "cbis-ddsm" else plan_cmmd
    write_archive(
        plan(
            patients=configuration.patients,
            malignant_share=configuration.malignant_share,
            seed=configuration.seed,
            traps=configuration.traps,
        ),
        configuration.output,
        name=configuration.layout,
        download=configuration.download,
        shape=(configuration.rows, configuration.columns),
        workers=configuration.workers,
    )


def _make_film(configuration: PhantomConfiguration, film: PlannedFilm) -> tuple[str, tuple[int, int, int, int]]:
    """Draw and write one film; returns its path and its lesion's box (x, y, width, height)."""
    phantom = make_phantom(
        seed=film.seed,
        malignant=film.malignant,
        laterality=film.laterality,
        view=film.view,
        rows=configuration.rows,
        columns=configuration.columns,
    )
    path = configuration.output / film.path
    if configuration.format == "dicom":
        write_dicom(path, phantom, patient_id=film.patient_id, seed=configuration.seed)
    else:
        path.write_bytes(encode_png16(phantom.film))
    top, left, height, width = phantom.lesion_box
    return film.path, (left, top, width, height)


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
