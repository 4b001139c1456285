"""A phantom CMMD: films without a view position, a spreadsheet of breasts, and breasts that it does not label."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import openpyxl
from pydicom.dataset import Dataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation

from services.curator.phantom.archive.plan import Drawing, Expectation, Pixels, Plan, PlannedObject, make_uid
from services.curator.phantom.cohort import plan_cohort
from services.curator.phantom.film import Phantom
from services.curator.traps import TRAPS

_ROOT = "1.3.6.1.4.1.14519.5.2.1.1239.1759"
_TABLE = "CMMD_clinicaldata_revision.xlsx"
_COLUMNS = ("ID1", "LeftRight", "Age", "number", "abnormality", "classification", "subtype")
# SNOMED RT, as the true files have it.
_VIEWS = {"CC": ("R-10242", "cranio-caudal"), "MLO": ("R-10226", "medio-lateral oblique")}
_REASONS = {
    "stranger": "the table has no patient",
    "no-side": "the header does not say which side",
    "same-uid": "2 files have this SOP Instance UID and differ",
    "truncated": "truncated: found",
    "empty": "found an empty file",
    "text": "found another kind of file",
    "zip": "found a zip archive",
    "link": "refused: a link out of the folder",
}


@dataclass(frozen=True, kw_only=True)
class _Film:
    """A film of the archive."""

    patient_id: str
    drawing: Drawing
    label: str
    """As the spreadsheet has it, or empty where it has no such row."""
    trap: str = ""
    becomes: str = "film"
    pathology: str = ""
    """That the film must get, where that is not its label."""

    @property
    def side(self) -> str:
        return self.drawing.laterality[0]

    @property
    def key(self) -> str:
        return self.make_object().key

    def make_object(self) -> PlannedObject:
        view = Dataset()
        view.CodeValue, view.CodeMeaning = _VIEWS[self.drawing.view]
        view.CodingSchemeDesignator = "SRT"
        return PlannedObject(
            patient_id=self.patient_id,
            study_uid=make_uid(_ROOT, self.patient_id, "study"),
            series_uid=make_uid(_ROOT, self.patient_id, "series"),
            sop_uid=make_uid(_ROOT, self.patient_id, self.side, self.drawing.view),
            description="",
            number=1 + 2 * (self.side == "R") + (self.drawing.view == "MLO"),
            drawing=self.drawing,
            render=_draw,
            elements={
                "SOPClassUID": DigitalMammographyXRayImageStorageForPresentation,
                "PresentationIntentType": "FOR PRESENTATION",
                "ImageLaterality": "" if self.trap == "no-side" else self.side,
                "ViewPosition": "",
                "ViewCodeSequence": [] if self.trap == "no-view" else [view],
                "ImagerPixelSpacing": [0.094, 0.094],
            },
            damage=self.trap if self.trap in ("truncated", "empty", "text", "zip", "link") else "",
            copied=self.trap == "copies",
        )


def plan_cmmd(*, patients: int, malignant_share: float, seed: int, traps: Sequence[str]) -> Plan:
    """Plan an archive: two thirds of the patients in D1, the others, who are all malignant, in D2, and the traps.

    Each trap has a patient of its own, numbered from D1-0901 on, but for the duplicates, who have their true names.
    """
    films = []
    for film in plan_cohort(patients=patients, malignant_share=malignant_share, seed=seed):
        number = int(film.patient_id.removeprefix("PH_"))
        second = number % 3 == 0
        malignant = second or film.malignant
        films.append(
            _Film(
                patient_id=f"D{2 if second else 1}-{number:04d}",
                drawing=Drawing(seed=film.seed, malignant=malignant, laterality=film.laterality, view=film.view),
                label="Malignant" if malignant else "Benign",
            )
        )
    for index, trap in enumerate(TRAPS["cmmd"]):
        if trap in traps and trap != "other-spreadsheet":
            films += _spring(trap, f"D1-{901 + index:04d}", seed)
    plan = Plan(collection="CMMD")
    for one in films:
        plan.objects += _make_objects(one)
        plan.expectations += _expect(one)
    plan.tables[_TABLE] = _write_table(films)
    if "other-spreadsheet" in traps:
        plan.tables |= {"notes.xlsx": _write_sheet([("film", "remark"), ("1", "none")]), f"~${_TABLE}": b"lock"}
    return plan


def _spring(trap: str, patient: str, seed: int) -> list[_Film]:
    """The films of a trap."""
    number = int(patient[-4:])
    drawing = Drawing(seed=104729 * (seed + 1) + number, malignant=True, laterality="RIGHT", view="MLO")
    film = _Film(patient_id=patient, drawing=drawing, label="Malignant", trap=trap)
    match trap:
        case "unlabelled":
            other = replace(drawing, laterality="LEFT", malignant=False)
            return [film, replace(film, drawing=other, label="", becomes="left out")]
        case "duplicates":
            pairs = (("D1-0202", "Benign"), ("D2-0284", "Malignant"), ("D1-0808", "Benign"), ("D1-1292", "Malignant"))
            return [replace(film, patient_id=name, label=label, becomes="left out") for name, label in pairs]
        case "identical":
            first = replace(film, label="Benign", pathology="MALIGNANT")
            return [first, replace(first, patient_id="D2-0999", label="Malignant")]
        case "stranger":
            return [replace(film, label="", becomes="skipped")]
        case "no-view" | "copies":
            return [film]
    return [replace(film, becomes="skipped")]


def _make_objects(film: _Film) -> list[PlannedObject]:
    if film.trap == "missing":
        return []
    first = film.make_object()
    if film.trap == "same-uid":
        return [first, replace(first, render=_draw_dark, number=9)]
    return [first]


def _draw(phantom: Phantom) -> Pixels:
    return np.rint(phantom.film * 255).astype(np.uint8)


def _draw_dark(phantom: Phantom) -> Pixels:
    return np.rint(phantom.film * 99).astype(np.uint8)


def _expect(film: _Film) -> list[Expectation]:
    absent = Expectation(
        becomes="skipped",
        place=f"cmmd/{film.patient_id} {film.drawing.laterality.lower()}",
        reason="no file has the patient and the side",
    )
    if film.trap == "missing":
        return [absent]
    if film.trap in _REASONS:
        own = Expectation(becomes="skipped", place=film.key, reason=_REASONS[film.trap])
        if film.trap == "same-uid":
            return [own, replace(own, place=replace(film.make_object(), number=9).key), absent]
        return [own] if film.trap in ("stranger", "truncated") else [own, absent]
    return [
        Expectation(
            becomes=film.becomes,
            patient_id=film.patient_id,
            laterality=film.drawing.laterality.lower(),
            view="" if film.trap == "no-view" else film.drawing.view,
            pathology=film.pathology or film.label.upper(),
            subset="D1, D2" if film.trap == "identical" else film.patient_id[:2],
            place=film.key,
            twin="identical" if film.trap == "identical" else "",
        )
    ]


def _write_table(films: Sequence[_Film]) -> bytes:
    breasts = {(film.patient_id, film.side): film for film in films if film.label}
    rows: list[Sequence[Any]] = [_COLUMNS]
    rows += [
        (
            patient,
            side,
            47,
            sum((patient, side) == (one.patient_id, one.side) for one in films),
            "mass",
            film.label,
            None,
        )
        for (patient, side), film in sorted(breasts.items())
    ]
    rows.append((None,) * len(_COLUMNS))
    return _write_sheet(rows)


def _write_sheet(rows: Sequence[Sequence[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active or book.create_sheet()
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
