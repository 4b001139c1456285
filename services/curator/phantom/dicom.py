"""A phantom film as a DICOM digital mammogram."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from services.curator.phantom.film import Phantom

_BITS = 12
_FILM_HEIGHT_MM = 240.0
# DICOM PS3.16, CID 4014: views of mammography, as SNOMED CT codes.
_VIEW_CODES = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}


def write_dicom(path: Path, phantom: Phantom, *, patient_id: str, seed: int) -> None:
    """Write a phantom as a 12-bit MONOCHROME2 "for presentation" mammogram (PS3.3 A.26).

    UIDs follow from the seed, the patient and the film, and no date is written, so the file's bytes depend on nothing
    else. Pixel spacing is that of a film 240 mm high.
    """
    name = f"{phantom.laterality}_{phantom.view}"
    dataset = Dataset()
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID = _uid(seed, patient_id, name, "instance")
    dataset.SeriesInstanceUID = _uid(seed, patient_id, name, "series")
    dataset.StudyInstanceUID = _uid(seed, patient_id, "study")
    dataset.PatientName = f"Phantom^{patient_id}"
    dataset.PatientID = patient_id
    dataset.PatientSex = "F"
    for keyword in ("PatientBirthDate", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ContentDate"):
        setattr(dataset, keyword, "")
    dataset.Modality = "MG"
    dataset.Manufacturer = "mammosynth phantom"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SeriesNumber = dataset.InstanceNumber = "1"
    dataset.BodyPartExamined = "BREAST"
    dataset.ImageLaterality = phantom.laterality[0]
    dataset.ViewPosition = phantom.view
    dataset.ViewCodeSequence = Sequence([_code(*_VIEW_CODES[phantom.view])])
    dataset.PatientOrientation = ["A", "FL"] if phantom.laterality == "LEFT" else ["P", "FR"]
    dataset.BurnedInAnnotation = "YES"
    _set_pixels(dataset, phantom)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


def _uid(seed: int, *parts: str) -> str:
    return str(generate_uid(entropy_srcs=["mammosynth phantom", str(seed), *parts]))


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "SCT"
    item.CodeMeaning = meaning
    return item


def _set_pixels(dataset: Dataset, phantom: Phantom) -> None:
    highest = 2**_BITS - 1
    dataset.Rows, dataset.Columns = phantom.film.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, _BITS, _BITS - 1
    dataset.PixelRepresentation = 0
    spacing = round(_FILM_HEIGHT_MM / dataset.Rows, 6)
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter, dataset.WindowWidth = str(2 ** (_BITS - 1)), str(2**_BITS)
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.LossyImageCompression = "00"
    dataset.PixelData = np.rint(phantom.film * highest).astype("<u2").tobytes()
