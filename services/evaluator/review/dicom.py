"""Films of a study as DICOM, for a diagnostic monitor: Secondary Capture, alike in everything but pixels.

An object says that its film may be synthetic, whatever it is. Side, view, spacing and window are left out: they are the
content's or the original's, and would tell.
"""

import hashlib
import io
import uuid
from itertools import count

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from shared.images import Film, to_uint16

_NOTE = "READER STUDY - MAY BE SYNTHETIC - NOT FOR DIAGNOSIS"
_DIGITS = 39
_EMPTY = (
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "Laterality",
    "PatientOrientation",
)


def encode_object(film: Film, *, study: str, number: int) -> bytes:
    """Write the film of a place.

    Args:
        film: (rows, columns) float32 in [0, 1].
        study: name of the study, which names patient, study and series.
        number: of the place.

    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = _uid(study, f"film {number}")
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = _uid("mammosynth", "review")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid(study, "study"), _uid(study, "series")
    dataset.PatientName, dataset.PatientID = f"READER STUDY^{study}", f"READER-STUDY-{study}"
    for keyword in _EMPTY:
        setattr(dataset, keyword, "")
    dataset.Modality, dataset.ConversionType, dataset.SeriesNumber = "OT", "WSD", 1
    dataset.InstanceNumber = number
    dataset.StudyDescription = dataset.SeriesDescription = dataset.ImageComments = _NOTE
    dataset.DerivationDescription = _NOTE
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "Header written anew"
    dataset.BurnedInAnnotation = "NO"
    _set_pixels(dataset, film)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _set_pixels(dataset: Dataset, film: Film) -> None:
    pixels = to_uint16(film)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _uid(study: str, name: str) -> UID:
    """A UID of 39 digits behind 2.25, as most have: a shorter one would make its object shorter than the others."""
    for attempt in count():
        digest = hashlib.sha256(f"review\0{study}\0{name}\0{attempt}".encode()).digest()
        digits = str(uuid.UUID(bytes=digest[:16], version=5).int)
        if len(digits) == _DIGITS:
            break
    return UID(f"2.25.{digits}")
