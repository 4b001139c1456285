"""`mammosynth dataset phantom`: films of many phantom patients, with their table."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from services.curator.configuration import PhantomConfiguration
from services.curator.phantom.dicom import write_dicom
from services.curator.phantom.film import LATERALITIES, VIEWS, make_phantom
from services.curator.workers import map_in_processes
from shared.images import encode_png16
from shared.progress import progress

TABLE_COLUMNS = ("path", "patient_id", "laterality", "view", "pathology", "source")
LESION_COLUMNS = ("path", "x", "y", "width", "height", "pathology")


@dataclass(frozen=True, kw_only=True)
class PlannedFilm:
    """A film that is to be made."""

    path: str
    """Relative to the output folder."""
    patient_id: str
    laterality: str
    view: str
    malignant: bool
    seed: int
    """Stands for the patient."""

    @property
    def pathology(self) -> str:
        """As in the tables of public archives."""
        return "MALIGNANT" if self.malignant else "BENIGN"


def plan_cohort(*, patients: int, malignant_share: float, seed: int, suffix: str = ".png") -> list[PlannedFilm]:
    """Decide which films there are: every breast is malignant or benign, in both its views.

    Exactly `malignant_share` of the breasts (rounded) are malignant, drawn over all patients, so that some patients
    have none, some one and some two.
    """
    generator = np.random.default_rng((seed, 1))
    breasts = np.arange(2 * patients)
    malignant = set(generator.permutation(breasts)[: round(malignant_share * len(breasts))].tolist())
    seeds = np.random.SeedSequence((seed, 2)).generate_state(patients)
    films = []
    for breast in breasts.tolist():
        patient, side = divmod(breast, 2)
        patient_id, laterality = f"PH_{patient + 1:05d}", LATERALITIES[side]
        films += [
            PlannedFilm(
                path=f"films/{patient_id}_{laterality}_{view}{suffix}",
                patient_id=patient_id,
                laterality=laterality,
                view=view,
                malignant=breast in malignant,
                seed=int(seeds[patient]),
            )
            for view in VIEWS
        ]
    return films


def run(configuration: PhantomConfiguration) -> None:
    """Make phantom mammograms of made patients, with a table that `dataset prepare` reads."""
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
    _write_csv(configuration.output / "table.csv", TABLE_COLUMNS, rows)
    lesions = [(film.path, *boxes[film.path], film.pathology) for film in films]
    _write_csv(configuration.output / "lesions.csv", LESION_COLUMNS, lesions)


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
