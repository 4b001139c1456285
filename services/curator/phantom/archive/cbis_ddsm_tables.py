"""The tables of case descriptions of the phantom CBIS-DDSM, with the dirt of the true ones."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from services.curator.phantom.archive.cbis_ddsm_case import Case

_MASS = ("mass shape", "mass margins")
_CALC = ("calc type", "calc distribution")
_OLD = {
    "left or right breast": "side",
    "image view": "view",
    "abnormality id": "abn_num",
    "image file path": "od_img_path",
    "cropped image file path": "od_crop_path",
    "ROI mask file path": "mask_path",
}


def write_tables(cases: Sequence[Case], *, old: bool) -> dict[str, bytes]:
    """The four tables by their names; `old` gives one of them the columns of the older edition."""
    tables = {}
    for kind, words in (("mass", _MASS), ("calc", _CALC)):
        for part in ("train", "test"):
            rows = [
                _make_row(case, index, words)
                for case in cases
                if (case.kind, case.part) == (kind, part) and case.trap != "unlisted"
                for index in range(len(case.findings))
            ]
            names = _OLD if old and (kind, part) == ("calc", "train") else {}
            if rows:
                tables[f"{kind}_case_description_{part}_set.csv"] = _write_table(rows, names)
    return tables


def _make_row(case: Case, index: int, words: tuple[str, str]) -> dict[str, Any]:
    """A row with the dirt of the true tables: a line end within the last path, crop and mask changed for each other."""
    roi = f"{case.name}_{index + 1}/{case.uid('roi study', index)}"
    series = case.uid("roi series", index)
    crop, mask = f"{roi}/{series}/000001.dcm", f"{roi}/{series}/000000.dcm\n"
    if case.trap == "apart":
        crop = f"{roi}/{case.uid('crop series', index)}/000000.dcm"
    if case.trap == "swapped":
        crop, mask = mask, crop
    return {
        "patient_id": case.patient_id,
        "breast_density" if case.kind == "mass" else "breast density": 3,
        "left or right breast": case.drawing.laterality,
        "image view": case.drawing.view,
        "abnormality id": index + 1,
        "abnormality type": "mass" if case.kind == "mass" else "calcification",
        words[0]: "IRREGULAR" if case.kind == "mass" else "PLEOMORPHIC",
        words[1]: "SPICULATED" if case.kind == "mass" else "CLUSTERED",
        "assessment": 4,
        "pathology": case.findings[index],
        "subtlety": 4,
        "image file path": case.image_path,
        "cropped image file path": crop,
        "ROI mask file path": mask,
    }


def _write_table(rows: Sequence[dict[str, Any]], names: dict[str, str]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([names.get(name, name) for name in rows[0]])
    writer.writerows(row.values() for row in rows)
    return buffer.getvalue().encode()
