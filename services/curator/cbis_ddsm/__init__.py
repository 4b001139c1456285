"""CBIS-DDSM as The Cancer Imaging Archive hands it out: DICOM files and four tables of case descriptions."""

from services.curator.cbis_ddsm.source import read_cbis_ddsm

__all__ = ["read_cbis_ddsm"]
