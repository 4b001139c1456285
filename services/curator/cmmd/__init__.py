"""CMMD as The Cancer Imaging Archive hands it out: DICOM files and a spreadsheet of breasts."""

from services.curator.cmmd.source import read_cmmd

__all__ = ["read_cmmd"]
