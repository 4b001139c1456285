"""DICOM files made for tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

Pixels = NDArray[np.unsignedinteger] | NDArray[np.signedinteger]
WriteDicom = Callable[..., Path]


def make_dicom(pixels: Pixels, *, bits: int = 12, syntax: UID = ExplicitVRLittleEndian, frame: bytes = b"") -> Dataset:
    """A mammogram with these pixels; `frame` holds them compressed, where the syntax is such a one."""
    dataset = Dataset()
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        setattr(dataset, keyword, generate_uid(entropy_srcs=[keyword]))
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "P1"
    dataset.StudyDate, dataset.AccessionNumber = "20200102", "A123"
    dataset.Modality = "MG"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if frame:
        dataset.PixelData = encapsulate([frame])
    else:
        order = "<" if syntax.is_little_endian else ">"
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated == 16 else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


@pytest.fixture
def write_dicom(tmp_path: Path) -> WriteDicom:
    """Write a mammogram; keyword arguments are elements to set, None to leave one out."""

    def write(
        pixels: Pixels,
        *,
        bits: int = 12,
        syntax: UID = ExplicitVRLittleEndian,
        frame: bytes = b"",
        name: str = "film.dcm",
        **elements: object,
    ) -> Path:
        dataset = make_dicom(pixels, bits=bits, syntax=syntax, frame=frame)
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    return write


@pytest.fixture
def ramp() -> NDArray[np.uint16]:
    """Every value of 12 bit once, in an order that no compression likes too well."""
    return np.random.default_rng(0).permutation(4096).astype(np.uint16).reshape(32, 128)


@pytest.fixture
def smooth() -> NDArray[np.uint16]:
    """A smooth 12-bit image, (48, 40)."""
    y, x = np.mgrid[:48, :40]
    return np.asarray(2000 + 1500 * np.sin(x / 9) * np.cos(y / 11), dtype=np.uint16)
