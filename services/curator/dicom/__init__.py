"""Films as DICOM files: found, read, decoded, and brought to the grey levels that a radiologist sees."""

from services.curator.dicom.film import DicomFilm, read_dicom_film, read_dicom_header
from services.curator.dicom.header import DicomHeader
from services.curator.dicom.part10 import is_dicom

__all__ = ["DicomFilm", "DicomHeader", "is_dicom", "read_dicom_film", "read_dicom_header"]
