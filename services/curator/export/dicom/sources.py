"""The two films that an accepted one was made from, as its object names them: by stand-ins, or by their own UIDs."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.uid import SecondaryCaptureImageStorage

from services.curator.dicom import is_dicom, read_dicom_header
from services.curator.export.dicom.uids import make_uid
from shared.dataset import Dataset, Film
from shared.errors import InvalidImageError
from shared.log import get_logger

_DIGITS = 16
_LOSSY_SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True, kw_only=True)
class NamedSource:
    """What an object says of a film that it was made from."""

    patient: str
    """Stand-in, the same for all films of a patient."""
    sop_class_uid: str
    sop_uid: str
    stand_in: bool
    """Whether the UIDs are stand-ins that lead to no object."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Names films. Stand-ins follow from the pixels of films, so nobody who lacks the films can lead them back."""

    dataset: Dataset
    uid_root: str | None
    originals: Path | None
    """Folder that the data set was prepared from, where its films may be named."""

    def name(self, image_id: str) -> NamedSource:
        """Name a film of the data set."""
        film = self.dataset.film(image_id)
        patient = self._patients[film.patient_id]
        sop_class = self._sop_class(film)
        if sop_class:
            return NamedSource(patient=patient, sop_class_uid=sop_class, sop_uid=film.origin.sop_uid, stand_in=False)
        return NamedSource(
            patient=patient,
            sop_class_uid=str(SecondaryCaptureImageStorage),
            sop_uid=make_uid(self.uid_root, "source", film.sha256),
            stand_in=True,
        )

    def was_lossy(self, image_id: str) -> bool:
        """Whether the file that a film was prepared from is known to have been compressed with a loss."""
        return Path(self.dataset.film(image_id).origin.path).suffix.lower() in _LOSSY_SUFFIXES

    @cached_property
    def _patients(self) -> dict[str, str]:
        """Stand-in of each patient: a hash of the first, by hash, of the patient's films."""
        first: dict[str, str] = {}
        for film in self.dataset.films:
            first[film.patient_id] = min(film.sha256, first.get(film.patient_id, film.sha256))
        return {
            patient: hashlib.sha256(f"patient\0{sha256}".encode()).hexdigest()[:_DIGITS]
            for patient, sha256 in first.items()
        }

    def _sop_class(self, film: Film) -> str:
        """Class of the object that a film was prepared from; empty where it may not be named, or is not there."""
        if self.originals is None or not film.origin.sop_uid:
            return ""
        path = self.originals / film.origin.path
        problem = "no DICOM file there"
        try:
            if path.is_file() and is_dicom(path):
                header = read_dicom_header(path)
                if header.sop_uid == film.origin.sop_uid and header.sop_class_uid:
                    return header.sop_class_uid
                problem = "another object lies there"
        except InvalidImageError as error:
            problem = error.message
        get_logger("export").warning("original not named", image_id=film.image_id, path=str(path), problem=problem)
        return ""
