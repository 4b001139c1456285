from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from services.curator.dicom import read_dicom_header
from services.curator.dicom.header import DicomHeader, read_number
from shared.dataset import Laterality
from shared.errors import InvalidImageError


def make(**elements: object) -> Dataset:
    header = Dataset()
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    return header


def make_code(value: str) -> Sequence:
    item = Dataset()
    item.CodeValue = value
    return Sequence([item])


@pytest.mark.parametrize(
    ("elements", "laterality"),
    [
        ({"ImageLaterality": "L"}, Laterality.LEFT),
        ({"Laterality": "R"}, Laterality.RIGHT),
        ({"ImageLaterality": "R", "Laterality": "L"}, Laterality.RIGHT),
        ({"ImageLaterality": "B"}, Laterality.UNKNOWN),
        ({"ImageLaterality": ""}, Laterality.UNKNOWN),
        ({}, Laterality.UNKNOWN),
    ],
    ids=["image", "series", "image before series", "both", "empty", "missing"],
)
def test_the_side_is_found(elements: dict[str, str], laterality: Laterality) -> None:
    assert DicomHeader.read(make(**elements)).laterality is laterality


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "MLO"}, "MLO"),
        ({"ViewPosition": "CC", "ViewCodeSequence": make_code("399368009")}, "CC"),
        ({"ViewPosition": "", "ViewCodeSequence": make_code("399368009")}, "MLO"),
        ({"ViewCodeSequence": make_code("R-10242")}, "CC"),
        ({"ViewCodeSequence": make_code("12345")}, ""),
        ({"PatientOrientation": "MLO"}, "MLO"),
        ({"PatientOrientation": ["A", "FL"]}, ""),
        ({"PatientOrientation": "A"}, ""),
        ({}, ""),
    ],
    ids=[
        "position",
        "position before code",
        "SNOMED CT",
        "SNOMED RT",
        "unknown code",
        "CBIS-DDSM",
        "orientation",
        "half an orientation",
        "none",
    ],
)
def test_the_view_is_found(elements: dict[str, object], view: str) -> None:
    assert DicomHeader.read(make(**elements)).view == view


@pytest.mark.parametrize(
    ("elements", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.07, 0.08]}, (0.07, 0.08)),
        ({"ImagerPixelSpacing": [0.07, 0.07], "PixelSpacing": [0.065, 0.065]}, (0.065, 0.065)),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.07, 0.07]}, (0.07, 0.07)),
        ({"PixelSpacing": "0.07"}, None),
        ({}, None),
    ],
    ids=["detector", "patient before detector", "scanner", "zero", "one number", "none"],
)
def test_the_pixel_spacing_is_found(elements: dict[str, object], spacing: tuple[float, float] | None) -> None:
    assert DicomHeader.read(make(**elements)).pixel_spacing == spacing


def test_uids_and_patient_are_kept_as_they_are() -> None:
    header = DicomHeader.read(
        make(PatientID=" P 1 ", StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.4", SOPInstanceUID="1.2.5")
    )
    assert (header.patient_id, header.study_uid, header.series_uid, header.sop_uid) == (
        "P 1",
        "1.2.3",
        "1.2.4",
        "1.2.5",
    )


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_uid_that_is_none_is_left_out() -> None:
    assert DicomHeader.read(make(StudyInstanceUID="../../etc")).study_uid == ""


@pytest.mark.parametrize("value", ["", "nan", "inf"], ids=["empty", "not a number", "infinite"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    header = make(WindowCenter="")
    header["WindowCenter"]._value = value
    with pytest.raises(InvalidImageError, match=r"found WindowCenter .* needed a number"):
        read_number(header, "WindowCenter")


def _view(modifier: str) -> Sequence:
    item, inner = Dataset(), Dataset()
    item.CodeValue, inner.CodeValue = "399162004", modifier
    item.ViewModifierCodeSequence = Sequence([inner])
    return Sequence([item])


FLAGS = {
    "nothing": ({}, ()),
    "implant": ({"BreastImplantPresent": "YES"}, ("implant",)),
    "no implant": ({"BreastImplantPresent": "NO"}, ()),
    "implant displaced": ({"ViewCodeSequence": _view("399209000")}, ("implant",)),
    "implant, old code": ({"ViewCodeSequence": _view("R-102D5")}, ("implant",)),
    "magnification": ({"ViewCodeSequence": _view("399163009")}, ("magnification",)),
    "magnified": ({"EstimatedRadiographicMagnificationFactor": "1.8"}, ("magnification",)),
    "contact view": ({"EstimatedRadiographicMagnificationFactor": "1.06"}, ()),
    "spot compression": ({"ViewCodeSequence": _view("R-102D7")}, ("spot compression",)),
    "another modifier": ({"ViewCodeSequence": _view("399161006")}, ()),
    "part of the breast": ({"PartialView": "YES"}, ("partial view",)),
    "several": (
        {"BurnedInAnnotation": "YES", "BreastImplantPresent": "YES", "ViewCodeSequence": _view("399209000")},
        ("burned-in annotation", "implant"),
    ),
}


@pytest.mark.parametrize(("elements", "flags"), FLAGS.values(), ids=FLAGS)
def test_what_a_header_warns_of_becomes_flags(elements: dict[str, object], flags: tuple[str, ...]) -> None:
    header = Dataset()
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    assert DicomHeader.read(header).flags == flags


def test_flags_are_read_from_a_file(tmp_path: Path) -> None:
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.3"
    header.BurnedInAnnotation, header.BreastImplantPresent, header.PartialView = "YES", "YES", "YES"
    header.EstimatedRadiographicMagnificationFactor, header.ViewCodeSequence = "1.8", _view("399055006")
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    flags = read_dicom_header(tmp_path / "film.dcm").flags
    assert flags == ("burned-in annotation", "implant", "magnification", "partial view", "spot compression")
