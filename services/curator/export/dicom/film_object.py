"""A DICOM object of an accepted film, module by module (PS3.3, A.8 and A.26)."""

from dataclasses import dataclass

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import format_number_as_ds

from services.curator.export.dicom.grid import PlacedFilm
from services.curator.export.dicom.pixel_data import set_pixels
from services.curator.export.dicom.sources import NamedSource
from services.curator.export.dicom.views import SIDES, VIEW_CODES, patient_orientation
from shared.dataset import Laterality

SOP_CLASSES: dict[str, UID] = {
    "for-presentation": DigitalMammographyXRayImageStorageForPresentation,
    "secondary-capture": SecondaryCaptureImageStorage,
}
_WARNING = "SYNTHETIC - no living patient - not for diagnosis"
_EMPTY = ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber")
# Synthesizing Equipment of PS3.16, CID 7005; of CID 7202, 7203 and 4031.
_SYNTHESIZING = ("109100", "DCM", "Synthesizing Equipment")
_SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation")
_RESAMPLING = ("113085", "DCM", "Spatial resampling")
_BREAST = ("76752008", "SCT", "Breast")


@dataclass(frozen=True, kw_only=True)
class FilmDescription:
    """What an object says of its film."""

    sop_class: str
    """"for-presentation" or "secondary-capture"."""
    transfer_syntax: str
    study_uid: str
    series_uid: str
    sop_uid: str
    patient: str
    """Stand-in of the content's patient."""
    pair: int
    laterality: Laterality
    view: str
    points_left: bool
    """Which way the breast points."""
    content: NamedSource
    style: NamedSource
    same_grid: bool
    """Whether the pixels lie where they lie in the content's original."""
    lossy_sources: bool
    """Whether a source is known to have been a JPEG file."""
    derivation: str
    """What was done, for people; at most 1024 characters."""
    version: str
    """Of mammosynth."""


def make_object(placed: PlacedFilm, description: FilmDescription) -> Dataset:
    """Make the object, with file meta information; its bytes follow from the arguments."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SOP_CLASSES[description.sop_class]
    dataset.SOPInstanceUID = description.sop_uid
    dataset.SyntheticData = "YES"
    _add_patient_study_series(dataset, description)
    _add_equipment(dataset, description)
    _add_image(dataset, description)
    _add_place(dataset, placed, description)
    set_pixels(dataset, placed.film, description.transfer_syntax)
    if description.sop_class == "for-presentation":
        _add_mammography(dataset)
    else:
        dataset.ConversionType = "SYN"
    return dataset


def _add_patient_study_series(dataset: Dataset, description: FilmDescription) -> None:
    dataset.PatientID = f"SYNTHETIC-{description.patient}"
    dataset.PatientName = f"SYNTHETIC^{description.patient}"
    dataset.PatientComments = "No living patient. Made from films of two patients: patient data all the same."
    for keyword in _EMPTY:
        setattr(dataset, keyword, "")
    dataset.ReferringPhysicianName = ""
    dataset.StudyInstanceUID = description.study_uid
    dataset.SeriesInstanceUID = description.series_uid
    dataset.StudyDescription = dataset.SeriesDescription = _WARNING
    dataset.SeriesNumber = 1
    dataset.Modality = "MG"
    dataset.BodyPartExamined = "BREAST"


def _add_equipment(dataset: Dataset, description: FilmDescription) -> None:
    dataset.Manufacturer = dataset.ManufacturerModelName = "mammosynth"
    dataset.SoftwareVersions = description.version
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = Sequence([_code(*_SYNTHESIZING)])
    item.Manufacturer = item.ManufacturerModelName = "mammosynth"
    item.SoftwareVersions = description.version
    item.ContributionDescription = "Style transfer of a malignant film's texture to a benign film"
    dataset.ContributingEquipmentSequence = Sequence([item])


def _add_image(dataset: Dataset, description: FilmDescription) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.InstanceNumber = description.pair
    dataset.ContentDate = dataset.ContentTime = ""
    dataset.ImageComments = _WARNING
    dataset.DerivationDescription = description.derivation
    dataset.DerivationCodeSequence = Sequence([_code(*_RESAMPLING)])
    dataset.SourceImageSequence = Sequence(
        [
            _source(description.content, same_place=description.same_grid),
            _source(description.style, same_place=False),
        ]
    )
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "01" if description.lossy_sources else "00"
    if description.lossy_sources:
        dataset.LossyImageCompressionMethod = "ISO_10918_1"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter, dataset.WindowWidth = "32768", "65536"


def _add_place(dataset: Dataset, placed: PlacedFilm, description: FilmDescription) -> None:
    """Side, view, hanging and spacing, as far as they are known."""
    side = SIDES.get(description.laterality, "")
    orientation = patient_orientation(side, description.view, points_left=description.points_left)
    dataset.PatientOrientation = orientation or ""
    if side:
        dataset.ImageLaterality = side
    if description.view in VIEW_CODES:
        code, meaning = VIEW_CODES[description.view]
        view = _code(code, "SCT", meaning)
        if description.sop_class == "for-presentation":
            view.ViewModifierCodeSequence = Sequence()
        dataset.ViewCodeSequence = Sequence([view])
        dataset.ViewPosition = description.view
    if placed.spacing:
        spacing = [format_number_as_ds(value) for value in placed.spacing]
        dataset.PixelSpacing = spacing
        if description.sop_class == "for-presentation":
            dataset.ImagerPixelSpacing = spacing


def _add_mammography(dataset: Dataset) -> None:
    """What the modules of digital X-ray and mammography need besides."""
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.AnatomicRegionSequence = Sequence([_code(*_BREAST)])
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1
    dataset.DetectorType = ""
    dataset.OrganExposed = "BREAST"
    dataset.PositionerType = "NONE"
    dataset.AcquisitionContextSequence = Sequence()


def _source(named: NamedSource, *, same_place: bool) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = named.sop_class_uid
    item.ReferencedSOPInstanceUID = named.sop_uid
    item.SpatialLocationsPreserved = "YES" if same_place else "NO"
    item.PurposeOfReferenceCodeSequence = Sequence([_code(*_SOURCE_IMAGE)])
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
