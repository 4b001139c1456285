"""Objects of a study, read by others."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from services.evaluator.review.dicom import encode_object
from shared.images import to_uint16
from tests.services.evaluator.run_writer import breast


def test_an_object_holds_the_pixels_and_says_that_it_may_be_synthetic() -> None:
    film, _ = breast(1, 32)
    read = pydicom.dcmread(io.BytesIO(encode_object(film, study="0123456789ab", number=7)))

    np.testing.assert_array_equal(read.pixel_array, to_uint16(film))
    assert read.ImageType == ["DERIVED", "SECONDARY"]
    assert read.ImageComments == "READER STUDY - MAY BE SYNTHETIC - NOT FOR DIAGNOSIS"
    assert (read.PatientID, read.InstanceNumber) == ("READER-STUDY-0123456789ab", 7)


def test_objects_of_a_study_are_one_series_of_own_uids() -> None:
    film, _ = breast(1, 32)
    read = [
        pydicom.dcmread(io.BytesIO(encode_object(film, study=study, number=number)))
        for study in ("0123456789ab", "ba9876543210")
        for number in (1, 2)
    ]

    assert len({one.SOPInstanceUID for one in read}) == 4
    assert len({one.SeriesInstanceUID for one in read}) == 2
    assert all(one.SOPInstanceUID.is_valid for one in read)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dicom3tools_finds_no_error(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(encode_object(breast(1, 32)[0], study="0123456789ab", number=1))

    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr

    assert "SCImage" in said
    assert [line for line in said.splitlines() if line.startswith("Error")] == []
