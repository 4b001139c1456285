"""What the header says of patient, side, view and place."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from shared.dataset import Laterality
from shared.errors import InvalidImageError

# PS3.16, CID 4014 (views of mammography) and the ACR's abbreviations that View Position (0018,5101) uses; SNOMED CT
# codes, and the SNOMED RT codes of older files, CMMD's among them.
_VIEWS = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399260004": "ML",
    "R-10224": "ML",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
}
# PS3.16, CID 4015 (view modifiers), likewise.
_MODIFIERS = {
    "399163009": "magnification",
    "R-102D6": "magnification",
    "399055006": "spot compression",
    "R-102D7": "spot compression",
    "399209000": "implant",
    "R-102D5": "implant",
}
_MOST_MAGNIFICATION = 1.2
_LATERALITIES = {"L": Laterality.LEFT, "R": Laterality.RIGHT}
# Of the patient, of the detector, of the digitised film: the first that is there.
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


@dataclass(frozen=True, kw_only=True)
class DicomHeader:
    """Identification of a film; what the header does not tell is empty."""

    patient_id: str
    """(0010,0020)."""
    laterality: Laterality
    """Image Laterality (0020,0062), else Laterality (0020,0060)."""
    view: str
    """View Position (0018,5101), else View Code Sequence (0054,0220)."""
    pixel_spacing: tuple[float, float] | None
    """Row and column spacing in millimetres."""
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str = ""
    """Kind of the object (0008,0016)."""
    rows: int = 0
    """Rows and columns of the pixels, 0 where the header has none."""
    columns: int = 0
    flags: tuple[str, ...] = ()
    """What to be wary of, in words: see `read_flags`."""

    @classmethod
    def read(cls, header: Dataset) -> "DicomHeader":
        """Read the identification; elements that hold something else count as missing."""
        return cls(
            patient_id=_text(header, "PatientID"),
            laterality=_LATERALITIES.get(
                _text(header, "ImageLaterality") or _text(header, "Laterality"), Laterality.UNKNOWN
            ),
            view=_read_view(header),
            pixel_spacing=_read_spacing(header),
            study_uid=_read_uid(header, "StudyInstanceUID"),
            series_uid=_read_uid(header, "SeriesInstanceUID"),
            sop_uid=_read_uid(header, "SOPInstanceUID"),
            sop_class_uid=_read_uid(header, "SOPClassUID"),
            rows=_read_count(header, "Rows"),
            columns=_read_count(header, "Columns"),
            flags=read_flags(header),
        )


def read_values(header: Dataset, keyword: str) -> list[object]:
    """The values of an element, none where it is missing or empty."""
    value = header.get(keyword)
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def read_number(header: Dataset, keyword: str, *, default: float | None = None) -> float:
    """The first value of an element as a number.

    Raises:
        InvalidImageError: if it is none, or not finite; also where it is missing, unless there is a default.

    """
    values = read_values(header, keyword)
    if not values and default is not None:
        return default
    try:
        number = float(str(values[0]))
    except (IndexError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidImageError(f"found {keyword} {header.get(keyword)!r}, needed a number")
    return number


def read_flags(header: Dataset) -> tuple[str, ...]:
    """What a header warns of, each once, in alphabetic order.

    "implant" (Breast Implant Present, or a displaced implant as the view's modifier), "magnification" and "spot
    compression" (the view's modifiers, or Estimated Radiographic Magnification Factor), "partial view", "synthetic"
    (Synthetic Data), and "burned-in annotation".
    """
    said = {
        "implant": _text(header, "BreastImplantPresent").upper() == "YES",
        "partial view": _text(header, "PartialView").upper() == "YES",
        "synthetic": _text(header, "SyntheticData").upper() == "YES",
        "burned-in annotation": _text(header, "BurnedInAnnotation").upper() == "YES",
    }
    flags = {flag for flag, holds in said.items() if holds}
    for view in header.get("ViewCodeSequence") or ():
        for modifier in view.get("ViewModifierCodeSequence") or ():
            flags.add(_MODIFIERS.get(_text(modifier, "CodeValue"), ""))
    try:
        factor = read_number(header, "EstimatedRadiographicMagnificationFactor", default=1.0)
    except InvalidImageError:
        factor = 1.0
    if factor > _MOST_MAGNIFICATION:
        flags.add("magnification")
    return tuple(sorted(flags - {""}))


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    return value.strip() if isinstance(value, str) else ""


def _read_view(header: Dataset) -> str:
    position = _text(header, "ViewPosition").upper()
    if re.fullmatch(r"[A-Z]{1,8}", position):
        return position
    for item in header.get("ViewCodeSequence") or ():
        view = _VIEWS.get(_text(item, "CodeValue"))
        if view:
            return view
    # Patient Orientation (0020,0020) has two values; CBIS-DDSM keeps its view there, as the only one.
    orientation = _text(header, "PatientOrientation").upper()
    return orientation if orientation in _VIEWS.values() else ""


def _read_spacing(header: Dataset) -> tuple[float, float] | None:
    for keyword in _SPACINGS:
        values = read_values(header, keyword)
        if len(values) == 2:
            row, column = (float(str(value)) for value in values)
            if 0 < row < math.inf and 0 < column < math.inf:
                return row, column
    return None


def _read_count(header: Dataset, keyword: str) -> int:
    value = header.get(keyword)
    return value if isinstance(value, int) and value > 0 else 0


def _read_uid(header: Dataset, keyword: str) -> str:
    uid = _text(header, keyword)
    return uid if re.fullmatch(r"[0-9.]{1,64}", uid) else ""
