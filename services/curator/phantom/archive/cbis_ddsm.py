"""A phantom CBIS-DDSM: full views, crops, masks and the four tables of case descriptions, with the real ones' dirt."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from pydicom.uid import BreastTomosynthesisImageStorage, SecondaryCaptureImageStorage

from services.curator.phantom.archive.cbis_ddsm_case import Case
from services.curator.phantom.archive.cbis_ddsm_tables import write_tables
from services.curator.phantom.archive.plan import Drawing, Expectation, Pixels, Plan, PlannedObject
from services.curator.phantom.cohort import plan_cohort
from services.curator.phantom.film import Phantom
from services.curator.traps import TRAPS

_FULL, _ROI, _CROP = "full mammogram images", "ROI mask images", "cropped images"
_ABSENT = "no file has the Study and Series Instance UID"


def plan_cbis_ddsm(*, patients: int, malignant_share: float, seed: int, traps: Sequence[str]) -> Plan:
    """Plan an archive: every second patient in the mass set, every fifth in an official test list, and the traps.

    Each trap has a patient of its own, numbered from P_00901 on, so that the others stay what they are.
    """
    cases = []
    for film in plan_cohort(patients=patients, malignant_share=malignant_share, seed=seed):
        number = int(film.patient_id.removeprefix("PH_"))
        cases.append(
            Case(
                patient=number,
                kind="mass" if number % 2 else "calc",
                part="test" if number % 5 == 0 else "train",
                drawing=Drawing(seed=film.seed, malignant=film.malignant, laterality=film.laterality, view=film.view),
                findings=(film.pathology,),
            )
        )
    for index, trap in enumerate(TRAPS["cbis-ddsm"]):
        if trap in traps:
            cases += _spring(trap, 901 + index, seed)
    plan = Plan(collection="CBIS-DDSM")
    for case in cases:
        plan.objects += _make_objects(case)
        plan.expectations += _expect(case)
    plan.tables = write_tables(cases, old="old-edition" in traps)
    return plan


def _spring(trap: str, patient: int, seed: int) -> list[Case]:
    """The cases of a trap."""
    drawing = Drawing(seed=7919 * (seed + 1) + patient, malignant=True, laterality="LEFT", view="MLO")
    case = Case(patient=patient, kind="mass", part="train", drawing=drawing, findings=("MALIGNANT",), trap=trap)
    match trap:
        case "both-sides":
            other = replace(case, kind="calc", part="test", findings=("BENIGN",), on_both_sides=True)
            return [
                replace(case, on_both_sides=True),
                replace(other, drawing=replace(drawing, laterality="RIGHT", malignant=False)),
            ]
        case "two-sets":
            twin = replace(case, findings=("BENIGN",), worst="MALIGNANT")
            return [replace(twin, kind="calc", findings=("MALIGNANT",)), twin]
    changes: dict[str, dict[str, Any]] = {
        "nameless": {"kind": "calc", "part": "test"},
        "several-findings": {"findings": ("BENIGN", "MALIGNANT")},
        "without-callback": {"findings": ("BENIGN_WITHOUT_CALLBACK",)},
        "unlisted": {"kind": "calc"},
        "old-edition": {"kind": "calc"},
    }
    skipped = ("same-uid", "missing", "mask-as-film", "frames", "truncated", "empty", "text", "zip", "link")
    return [replace(case, becomes="skipped" if trap in skipped else "film", **changes.get(trap, {}))]


def _make_objects(case: Case) -> list[PlannedObject]:
    if case.trap == "missing":
        return []
    full = PlannedObject(
        patient_id=case.name,
        study_uid=case.uid("study"),
        series_uid=case.uid("series"),
        sop_uid=case.uid("object"),
        description=_FULL,
        number=1,
        drawing=case.drawing,
        render=_draw_full,
        elements={"SOPClassUID": SecondaryCaptureImageStorage, "PatientOrientation": case.drawing.view},
        damage=case.trap if case.trap in ("truncated", "empty", "text", "zip", "link") else "",
        copied=case.trap == "copies",
    )
    match case.trap:
        case "nameless":
            full = replace(full, description="", patient_id=f"{case.name}.dcm")
        case "mask-as-film":
            full = replace(full, render=partial(_draw_mask, 0, 1))
        case "frames":
            frames = {"SOPClassUID": BreastTomosynthesisImageStorage, "NumberOfFrames": 2}
            full = replace(full, render=_draw_frames, elements=full.elements | frames)
        case "same-uid":
            other = replace(full, render=_draw_dark, number=2)
            return [full, other, *_make_rois(case, full)]
    return [full, *_make_rois(case, full)]


def _make_rois(case: Case, full: PlannedObject) -> list[PlannedObject]:
    rois = []
    for index in range(len(case.findings)):
        study, series = case.uid("roi study", index), case.uid("roi series", index)
        crop = replace(
            full,
            patient_id=f"{case.name}_{index + 1}",
            study_uid=study,
            series_uid=series,
            sop_uid=case.uid("crop", index),
            description=_CROP,
            number=1,
            render=partial(_draw_crop, index),
            elements={"SOPClassUID": SecondaryCaptureImageStorage},
            damage="",
            copied=False,
        )
        mask = replace(
            crop,
            sop_uid=case.uid("mask", index),
            description=_ROI,
            number=2,
            render=partial(_draw_mask, index, 2 if case.trap == "small-mask" else 1),
        )
        if case.trap == "apart":
            crop = replace(crop, series_uid=case.uid("crop series", index))
        if case.trap == "one-series":
            crop, mask = (
                replace(roi, study_uid=full.study_uid, series_uid=full.series_uid, number=number)
                for number, roi in ((2, crop), (3, mask))
            )
        rois += [crop] if case.trap == "no-mask" else [crop, mask]
    return rois


def _draw_full(phantom: Phantom) -> Pixels:
    return np.rint(phantom.film * 65535).astype(np.uint16)


def _draw_dark(phantom: Phantom) -> Pixels:
    return np.rint(phantom.film * 30000).astype(np.uint16)


def _draw_frames(phantom: Phantom) -> Pixels:
    return np.stack([_draw_full(phantom)] * 2).astype(np.uint16)


def finding_box(phantom: Phantom, index: int) -> tuple[int, int, int, int]:
    """Where a finding is: the phantom's mass, and parts of it for those after the first; top, left, height, width."""
    top, left, height, width = phantom.lesion_box
    return top, left, max(2, height // (index + 1)), max(2, width // (index + 1))


def _draw_mask(index: int, shrink: int, phantom: Phantom) -> Pixels:
    mask = np.zeros(phantom.film.shape, np.uint8)
    top, left, height, width = finding_box(phantom, index)
    mask[top : top + height, left : left + width] = 255
    return mask[::shrink, ::shrink].copy()


def _draw_crop(index: int, phantom: Phantom) -> Pixels:
    top, left, height, width = finding_box(phantom, index)
    return _draw_full(phantom)[top : top + height, left : left + width]


def _expect(case: Case) -> list[Expectation]:
    order = ("BENIGN_WITHOUT_CALLBACK", "BENIGN", "MALIGNANT")
    part = case.part
    subset = case.kind
    if case.trap == "two-sets":
        subset = "calc, mass"
    expected = Expectation(
        becomes=case.becomes,
        patient_id=case.patient_id,
        laterality=case.drawing.laterality.lower(),
        view=case.drawing.view,
        pathology=case.worst or max(case.findings, key=order.index),
        subset=subset,
        official_split=part,
        test=part == "test" or case.on_both_sides,
        lesions=0 if case.trap == "no-mask" else len(case.findings) + (case.trap == "two-sets"),
        place=f"{case.uid('object')}#1",
        twin=case.patient_id if case.trap == "two-sets" else "",
    )
    table_path = f"cbis-ddsm/{case.image_path}"
    absent = Expectation(becomes="skipped", place=table_path, reason=_ABSENT)
    reasons = {
        "mask-as-film": "found two grey levels",
        "frames": "found 2 frames (Breast Tomosynthesis Image Storage)",
        "truncated": "truncated: found",
        "empty": "found an empty file",
        "text": "found another kind of file",
        "zip": "found a zip archive",
        "link": "refused: a link out of the folder",
        "same-uid": "2 files have this SOP Instance UID and differ",
    }
    if case.trap in reasons:
        own = Expectation(becomes="skipped", place=expected.place, reason=reasons[case.trap])
        if case.trap == "same-uid":
            return [own, replace(own, place=f"{case.uid('object')}#2"), absent]
        return [own] if case.trap in ("mask-as-film", "frames", "truncated") else [own, absent]
    if case.trap == "missing":
        return [absent]
    if case.trap == "unlisted":
        objects = _make_objects(case)
        return [
            Expectation(becomes="skipped", place=planned.key, reason="no table has its Study and Series")
            for planned in objects
        ]
    return [expected]
