"""What an object says of the films that it was made from."""

from pathlib import Path

import pydicom
import pytest
import structlog
from pydicom.dataset import Dataset as DicomDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForProcessing, ExplicitVRLittleEndian

from services.curator.export.dicom.sources import Sources
from shared.dataset import Dataset
from tests.services.curator.export.made_run import write_dataset

CONTENT = "generation-benign-0"


def write_original(path: Path, sop_uid: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = DicomDataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = DigitalMammographyXRayImageStorageForProcessing
    header.SOPInstanceUID = sop_uid
    header.PatientName = "Doe^Jane"
    pydicom.dcmwrite(path, header, enforce_file_format=True)


def test_a_stand_in_leads_to_nobody(dataset: Dataset) -> None:
    named = Sources(dataset=dataset, uid_root=None, originals=None).name(CONTENT)

    assert named.stand_in
    assert named.sop_uid.startswith("2.25.")
    assert dataset.film(CONTENT).origin.sop_uid != named.sop_uid
    assert "patient-of" not in named.patient


def test_all_films_of_a_patient_have_the_same_stand_in_and_other_patients_another(
    dataset: Dataset, tmp_path: Path
) -> None:
    sources = Sources(dataset=dataset, uid_root="1.2.3", originals=None)
    names = {film.patient_id: sources.name(film.image_id).patient for film in dataset.films}

    assert len(set(names.values())) == len(names) == len(dataset.films)
    assert names == {
        film.patient_id: Sources(dataset=dataset, uid_root=None, originals=None).name(film.image_id).patient
        for film in dataset.films
    }


def test_a_stand_in_does_not_follow_from_the_code_of_a_patient(dataset: Dataset, tmp_path: Path) -> None:
    renamed = write_dataset(tmp_path / "renamed", name_patient="clinic-{}".format)

    for film in dataset.films:
        assert renamed.film(film.image_id).patient_id != film.patient_id
        assert Sources(dataset=renamed, uid_root=None, originals=None).name(film.image_id) == Sources(
            dataset=dataset, uid_root=None, originals=None
        ).name(film.image_id)


def test_an_original_is_named_where_it_lies_and_may_be(dataset: Dataset, tmp_path: Path) -> None:
    uid = dataset.film(CONTENT).origin.sop_uid
    write_original(tmp_path / "films" / f"{CONTENT}.dcm", uid)

    named = Sources(dataset=dataset, uid_root=None, originals=tmp_path).name(CONTENT)

    assert not named.stand_in
    assert (named.sop_uid, named.sop_class_uid) == (uid, str(DigitalMammographyXRayImageStorageForProcessing))


@pytest.mark.parametrize("what", ["another object", "no DICOM", "nothing"])
def test_an_original_that_is_not_there_gets_a_stand_in_and_a_warning(
    dataset: Dataset, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "films" / f"{CONTENT}.dcm"
    if what == "another object":
        write_original(path, "1.2.3.99999")
    elif what == "no DICOM":
        path.parent.mkdir()
        path.write_bytes(b"text")

    with structlog.testing.capture_logs() as logs:
        named = Sources(dataset=dataset, uid_root=None, originals=tmp_path).name(CONTENT)

    assert named.stand_in
    assert logs[0]["image_id"] == CONTENT


def test_films_that_were_jpeg_are_known_to_have_lost_something(tmp_path: Path) -> None:
    lossy = write_dataset(tmp_path / "lossy", suffix="JPG")
    lossless = write_dataset(tmp_path / "lossless", suffix="png")

    assert Sources(dataset=lossy, uid_root=None, originals=None).was_lossy(CONTENT)
    assert not Sources(dataset=lossless, uid_root=None, originals=None).was_lossy(CONTENT)
