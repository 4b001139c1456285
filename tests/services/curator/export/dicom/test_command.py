"""Accepted films as DICOM objects, read by others."""

import csv
import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from services.curator.dicom import read_dicom_film
from services.curator.export.configuration import DicomExportConfiguration
from services.curator.export.dicom import command
from services.curator.export.dicom.object_writer import ObjectWriter
from services.curator.identity import sum_up_flags
from shared.dataset import Dataset, Laterality
from shared.errors import ConfigurationError, DatasetError
from tests.services.curator.export.made_run import (
    ACCEPTED,
    COLUMNS,
    ROWS,
    SIZE,
    accepted_png,
    folder_bytes,
    write_dataset,
    write_run,
)
from tests.services.evaluator.run_writer import RunWriter

SOP_CLASSES = ("for-presentation", "secondary-capture")
TRANSFER_SYNTAXES = ("explicit", "rle", "jpeg-ls")


def export(run: RunWriter, output: Path, **options: object) -> Path:
    given = {"run": str(run.path), "output": str(output)} | options
    assert command.run(DicomExportConfiguration.resolve(given)) == 0
    return output


def pixels(run: RunWriter, pair: int) -> np.ndarray:
    with Image.open(io.BytesIO(accepted_png(run, pair))) as image:
        return np.asarray(image).astype(np.uint16)


@pytest.mark.parametrize("sop_class", SOP_CLASSES)
@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES)
def test_pydicom_reads_the_pixels_of_the_png(
    run: RunWriter, tmp_path: Path, sop_class: str, transfer_syntax: str
) -> None:
    output = export(run, tmp_path / "out", sop_class=sop_class, transfer_syntax=transfer_syntax)

    assert {file.name for file in output.glob("*.dcm")} == {f"{pair:06d}.dcm" for pair in ACCEPTED}
    for pair in ACCEPTED:
        read = pydicom.dcmread(output / f"{pair:06d}.dcm")
        np.testing.assert_array_equal(read.pixel_array, pixels(run, pair))
        assert (read.file_meta.TransferSyntaxUID.is_compressed) == (transfer_syntax != "explicit")


def test_the_curator_sees_the_film_as_it_was_accepted(run: RunWriter, tmp_path: Path) -> None:
    read = read_dicom_film(export(run, tmp_path / "out") / "000001.dcm")

    np.testing.assert_allclose(read.film, run.output(1, 2), atol=1e-5)
    assert (read.header.laterality, read.header.view) == (Laterality.RIGHT, "MLO")


@pytest.mark.parametrize("sop_class", SOP_CLASSES)
def test_a_film_that_is_prepared_again_is_known_to_be_synthetic(run: RunWriter, tmp_path: Path, sop_class: str) -> None:
    header = read_dicom_film(export(run, tmp_path / "out", sop_class=sop_class) / "000001.dcm").header

    assert header.flags == ("synthetic",)
    (warning,) = sum_up_flags([replace(run.dataset.films[0], flags=header.flags)])
    assert "must not pass for real ones" in warning[1]


@pytest.mark.parametrize("sop_class", SOP_CLASSES)
def test_an_object_says_that_it_is_synthetic_and_of_no_living_patient(
    run: RunWriter, tmp_path: Path, sop_class: str
) -> None:
    read = pydicom.dcmread(export(run, tmp_path / "out", sop_class=sop_class) / "000001.dcm")

    assert read[0x0008, 0x001C].value == "YES"
    assert list(read.ImageType) == ["DERIVED", "SECONDARY"]
    assert str(read.PatientID).startswith("SYNTHETIC-")
    assert str(read.PatientName).startswith("SYNTHETIC^")
    assert "No living patient" in read.PatientComments
    assert read.PatientBirthDate == read.PatientSex == read.StudyDate == read.AccessionNumber == ""
    assert "not for diagnosis" in read.SeriesDescription
    assert "SYNTHETIC FILM" in read.DerivationDescription
    assert len(read.DerivationDescription) <= 1024
    assert read.SoftwareVersions == read.ContributingEquipmentSequence[0].SoftwareVersions
    assert read.ContributingEquipmentSequence[0].Manufacturer == "mammosynth"
    assert read.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue == "109100"
    assert len(read.SourceImageSequence) == 2
    assert read.LossyImageCompression == "00"


# PS3.3, A.26 and A.8: what must be there with a value, and what must be there.
TYPE_1 = {
    "for-presentation": (
        *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "ImageType"),
        *("PresentationIntentType", "AnatomicRegionSequence", "ImageLaterality", "PatientOrientation"),
        *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"),
        *("PixelRepresentation", "PixelIntensityRelationship", "PixelIntensityRelationshipSign", "RescaleIntercept"),
        *("RescaleSlope", "RescaleType", "PresentationLUTShape", "LossyImageCompression", "BurnedInAnnotation"),
        *("WindowCenter", "WindowWidth", "ImagerPixelSpacing", "PositionerType", "OrganExposed", "ViewCodeSequence"),
        "PixelData",
    ),
    "secondary-capture": (
        *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "ConversionType"),
        *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"),
        *("PixelRepresentation", "PixelData"),
    ),
}
TYPE_2 = {
    "for-presentation": ("DetectorType", "AcquisitionContextSequence", "Manufacturer"),
    "secondary-capture": (),
}
TYPE_2_OF_ALL = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName", "SeriesNumber", "InstanceNumber", "PatientOrientation"),
)


@pytest.mark.parametrize("sop_class", SOP_CLASSES)
def test_all_that_the_standard_demands_is_there(run: RunWriter, tmp_path: Path, sop_class: str) -> None:
    read = pydicom.dcmread(export(run, tmp_path / "out", sop_class=sop_class) / "000001.dcm")

    assert [keyword for keyword in TYPE_1[sop_class] if read.get(keyword) in (None, "", [])] == []
    assert [keyword for keyword in (*TYPE_2[sop_class], *TYPE_2_OF_ALL) if keyword not in read] == []
    assert ("ViewModifierCodeSequence" in read.ViewCodeSequence[0]) == (sop_class == "for-presentation")


def test_side_view_and_hanging_are_the_contents(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out")

    right = pydicom.dcmread(output / "000001.dcm")
    assert (right.ImageLaterality, right.ViewPosition) == ("R", "MLO")
    assert right.ViewCodeSequence[0].CodeValue == "399368009"
    # The data set mirrors it, so its rows lead to the nipple.
    assert list(right.PatientOrientation) == ["A", "FL"]
    left = pydicom.dcmread(output / "000000.dcm")
    assert (left.ImageLaterality, left.ViewPosition, list(left.PatientOrientation)) == ("L", "CC", ["A", "R"])


def test_spacing_is_that_of_the_resized_film(run: RunWriter, dataset: Dataset, tmp_path: Path) -> None:
    read = pydicom.dcmread(export(run, tmp_path / "out") / "000000.dcm")

    origin = dataset.film("generation-benign-0").origin
    assert float(read.ImagerPixelSpacing[0]) == pytest.approx(0.5 / origin.scale, rel=0.02)
    assert read.PixelSpacing == read.ImagerPixelSpacing


def test_on_the_original_grid_a_film_has_the_originals_rows_columns_spacing_and_side(
    run: RunWriter, tmp_path: Path
) -> None:
    output = export(run, tmp_path / "out", grid="original")

    read = pydicom.dcmread(output / "000001.dcm")
    assert (read.Rows, read.Columns) == read.pixel_array.shape == (ROWS, COLUMNS)
    assert [float(value) for value in read.PixelSpacing] == [0.5, 0.5]
    # The breast of the original points to the left again.
    assert list(read.PatientOrientation) == ["P", "FL"]
    assert read.pixel_array[:, COLUMNS // 2 :].sum() > read.pixel_array[:, : COLUMNS // 2].sum()
    assert [item.SpatialLocationsPreserved for item in read.SourceImageSequence] == ["YES", "NO"]


def test_provenance_stands_in_a_private_block(run: RunWriter, tmp_path: Path) -> None:
    read = pydicom.dcmread(export(run, tmp_path / "out") / "000001.dcm")

    block = read.private_block(0x0099, "mammosynth")
    assert block[0x02].value == 1
    told = json.loads(block[0x03].value)
    record = json.loads((run.path / "pairs/000001.json").read_text(encoding="utf-8"))
    assert told["trial"] == record["trials"][1]
    assert told["film_sha256"] == record["sha256"]
    assert told["content"]["sha256"] == record["content"]["sha256"]
    assert told["models"] == record["models"]
    assert told["thresholds"] == run.pins["thresholds"]


def test_no_name_of_a_patient_or_film_leaves_without_being_asked_for(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out")

    for name, data in folder_bytes(output).items():
        assert b"patient-of" not in data, name
        assert b"generation-benign" not in data, name
        assert b"1.2.3." not in data, name


def test_the_table_says_which_is_which(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out")

    rows = list(csv.DictReader(io.StringIO((output / "films.csv").read_text(encoding="utf-8"))))
    assert [row["file_name"] for row in rows] == [f"{pair:06d}.dcm" for pair in ACCEPTED]
    for row in rows:
        read = pydicom.dcmread(output / row["file_name"])
        assert (row["sop_uid"], row["patient_id"]) == (read.SOPInstanceUID, read.PatientID)
        assert (row["label"], row["kind"]) == ("malignant", "synthetic")


def test_films_of_one_content_patient_share_a_patient_and_nothing_else(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out")

    first, fourth, second = (pydicom.dcmread(output / f"{pair:06d}.dcm") for pair in (1, 4, 2))
    assert first.PatientID == fourth.PatientID != second.PatientID
    assert len({first.StudyInstanceUID, fourth.StudyInstanceUID}) == 2
    assert len({read.SOPInstanceUID for read in (first, fourth, second)}) == 3


def test_two_exports_are_the_same_bytes_and_other_kinds_of_object_have_other_uids(
    run: RunWriter, tmp_path: Path
) -> None:
    first = export(run, tmp_path / "first", uid_root="1.2.826.0.1.3680043.10.999")
    assert folder_bytes(first) == folder_bytes(export(run, tmp_path / "second", uid_root="1.2.826.0.1.3680043.10.999"))
    others = [export(run, tmp_path / name, **options) for name, options in OTHER_KINDS.items()]

    uids = {pydicom.dcmread(output / "000001.dcm").SOPInstanceUID for output in (first, *others)}
    assert len(uids) == 4
    assert str(pydicom.dcmread(first / "000001.dcm").SOPInstanceUID).startswith("1.2.826.0.1.3680043.10.999.")


OTHER_KINDS = {"grid": {"grid": "original"}, "class": {"sop_class": "secondary-capture"}, "root": {}}


def test_a_film_keeps_its_uids_while_the_run_goes_on(run: RunWriter, tmp_path: Path) -> None:
    whole = export(run, tmp_path / "whole")
    (run.path / "pairs/000005.json").unlink()

    part = export(run, tmp_path / "part", partial=True)

    assert not (part / "000005.dcm").exists()
    assert (part / "000004.dcm").read_bytes() == (whole / "000004.dcm").read_bytes()


def test_an_export_that_was_killed_goes_on_to_the_same_bytes(
    run: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = folder_bytes(export(run, tmp_path / "whole"))

    class Killed(BaseException):
        pass

    encode = ObjectWriter.encode
    made: list[object] = []

    def killed(self: ObjectWriter, record: object) -> bytes:
        if len(made) == 3:
            raise Killed
        made.append(record)
        return encode(self, record)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(ObjectWriter, "encode", killed)
        with pytest.raises(Killed):
            export(run, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.dcm"))) == 3

    export(run, tmp_path / "out")

    assert folder_bytes(tmp_path / "out") == whole


LACKING = {
    "side": ({"laterality": Laterality.UNKNOWN}, {}, "6 without a known laterality"),
    "view": ({"view": ""}, {}, "6 without a known view"),
    "spacing": ({}, {"pixel_spacing": None}, r"6 without a known pixel spacing \(--pixel-spacing\)"),
}


@pytest.mark.parametrize("lacks", LACKING)
def test_what_a_mammogram_for_presentation_needs_and_nobody_knows_is_named_before_any_work(
    tmp_path: Path, lacks: str
) -> None:
    film, origin, message = LACKING[lacks]
    run = write_run(tmp_path / "run", write_dataset(tmp_path / "dataset", film_changes=film, **origin))

    with pytest.raises(DatasetError, match=f"of 6 films found {message}.*--sop-class secondary-capture does not"):
        export(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert len(list(export(run, tmp_path / "out", sop_class="secondary-capture").glob("*.dcm"))) == 6


def test_a_spacing_that_is_given_serves_films_that_have_none(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", write_dataset(tmp_path / "dataset", pixel_spacing=None))

    output = export(run, tmp_path / "out", pixel_spacing="0.05,0.06", grid="original")

    assert [float(value) for value in pydicom.dcmread(output / "000000.dcm").ImagerPixelSpacing] == [0.05, 0.06]


@pytest.mark.parametrize("value", ["0", "1,2,3", "-1", "11", "wide"])
def test_a_spacing_that_is_none_is_refused(run: RunWriter, tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match="--pixel-spacing"):
        export(run, tmp_path / "out", pixel_spacing=value)


@pytest.mark.parametrize("root", ["1.2.", "3.1", "a.b", "1.02", "1" * 39, "1." + "2" * 37])
def test_a_root_that_is_none_is_refused(run: RunWriter, tmp_path: Path, root: str) -> None:
    with pytest.raises(ConfigurationError, match="--uid-root"):
        export(run, tmp_path / "out", uid_root=root)


def test_films_made_of_jpeg_say_that_something_was_lost(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", write_dataset(tmp_path / "dataset", suffix="jpg"))

    read = pydicom.dcmread(export(run, tmp_path / "out") / "000000.dcm")

    assert (read.LossyImageCompression, read.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: dicom3tools, dcmtk, libgdcm-tools)")
    return found


def call(*arguments: object) -> str:
    done = subprocess.run([str(item) for item in arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# Synthetic Data entered the standard in 2023; dciodvfy of 2022 does not know it.
UNKNOWN_TO_DCIODVFY = (
    "Error - Attribute with an even group number is not a recognized standard attribute - (0x0008,0x001c)"
)


@pytest.mark.parametrize("grid", ["prepared", "original"])
@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES)
@pytest.mark.parametrize("sop_class", SOP_CLASSES)
def test_dciodvfy_finds_no_error(
    run: RunWriter, tmp_path: Path, sop_class: str, transfer_syntax: str, grid: str
) -> None:
    dciodvfy = tool("dciodvfy")
    output = export(run, tmp_path / "out", sop_class=sop_class, transfer_syntax=transfer_syntax, grid=grid)

    for file in output.glob("*.dcm"):
        done = subprocess.run([dciodvfy, str(file)], capture_output=True, text=True, check=False, timeout=60)
        lines = (done.stdout + done.stderr).splitlines()
        errors = [line for line in lines if line.startswith("Error") and not line.startswith(UNKNOWN_TO_DCIODVFY)]
        assert errors == []
        assert any("Mammography" in line or "SCImage" in line for line in lines)


@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES)
def test_dcmtk_reads_the_pixels_of_the_png(run: RunWriter, tmp_path: Path, transfer_syntax: str) -> None:
    dcm2pnm, dcmdump, dcmdjpls = tool("dcm2pnm"), tool("dcmdump"), tool("dcmdjpls")
    file = export(run, tmp_path / "out", transfer_syntax=transfer_syntax) / "000001.dcm"

    assert "(0008,001c) CS [YES]" in call(dcmdump, file)
    if transfer_syntax == "jpeg-ls":  # dcm2pnm does not know it
        call(dcmdjpls, file, tmp_path / "plain.dcm")
        file = tmp_path / "plain.dcm"
    call(dcm2pnm, "--write-16-bit-png", "+Wi", "1", file, tmp_path / "film.png")
    with Image.open(tmp_path / "film.png") as image:
        np.testing.assert_array_equal(np.asarray(image).astype(np.uint16), pixels(run, 1))


@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES)
def test_gdcm_reads_the_pixels_of_the_png(run: RunWriter, tmp_path: Path, transfer_syntax: str) -> None:
    gdcmconv = tool("gdcmconv")
    file = export(run, tmp_path / "out", transfer_syntax=transfer_syntax) / "000001.dcm"

    call(gdcmconv, "--raw", file, tmp_path / "raw.dcm")

    raw = pydicom.dcmread(tmp_path / "raw.dcm")
    np.testing.assert_array_equal(np.frombuffer(raw.PixelData, "<u2").reshape(SIZE, SIZE), pixels(run, 1))
