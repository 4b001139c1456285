"""The true spreadsheet and list of CMMD, joined with files made up from them."""

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest

from services.curator.archive import ArchiveFile, Listing
from services.curator.cmmd import read_cmmd, source
from services.curator.cmmd.breast_table import find_breast_table
from services.curator.dicom import DicomHeader
from services.curator.source import Source
from shared.dataset import Laterality


@pytest.fixture
def tables(shared_films: Path, tmp_path: Path) -> Path:
    """A folder with spreadsheet and list, as published."""
    folder = shared_films.parent / "cmmd-tables"
    if not folder.is_dir():
        pytest.skip("no tables of CMMD beside the checkout")
    return Path(shutil.copytree(folder, tmp_path / "tables"))


@pytest.fixture
def joined(tables: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The whole archive: as many films of each patient as the list has, of one labelled breast, or of both."""
    _, breasts = find_breast_table(tables)
    sides = {breast.patient_id: breast.laterality for breast in breasts}
    files = []
    with (tables / "metadata.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        patient = row["Subject ID"]
        two = int(row["Number of Images"]) == 4
        for side in list(Laterality)[:2] if two else [sides[patient]]:
            for view in ("CC", "MLO"):
                header = DicomHeader(
                    patient_id=patient,
                    laterality=side,
                    view=view,
                    pixel_spacing=None,
                    study_uid=row["Study UID"],
                    series_uid=row["Series UID"],
                    sop_uid=f"{row['Series UID']}.{len(files)}",
                )
                files.append(ArchiveFile(f"cmmd/{len(files):06d}.dcm", Path("film"), header=header))
    assert len(files) == 5202
    monkeypatch.setattr(source, "list_archive", lambda folder, **options: Listing(films=files))
    return read_cmmd(tables)


def test_all_labelled_breasts_are_found_and_the_others_left_out(joined: Source) -> None:
    notes = joined.notes["cmmd"]
    assert (notes["labelled_breasts"], notes["patients"]) == (1872, 1775)
    assert (notes["unlabelled_breasts"], notes["unlabelled_films"]) == (729, 1458)
    # Ten films of the four names of two patients are dropped; all others of labelled breasts are there.
    assert notes["dropped_duplicates"] == {"D1-0202": 4, "D1-0808": 2, "D1-1292": 2, "D2-0284": 2}
    assert len(joined.films) == 3744 - 10
    assert joined.skipped == []
    assert notes["other_number_of_films"] == {}


def test_labels_are_those_of_the_spreadsheet(tables: Path, joined: Source) -> None:
    _, breasts = find_breast_table(tables)
    assert Counter(breast.pathology for breast in breasts) == {"MALIGNANT": 1316, "BENIGN": 556}
    dropped = {name for pair in source.DUPLICATES for name in pair}
    kept = Counter((b.patient_id[:2], b.pathology) for b in breasts if b.patient_id not in dropped)
    found = Counter((film.entry.subset, film.entry.pathology) for film in joined.films)
    assert found == {key: 2 * count for key, count in kept.items()}
    assert sum(Counter((b.patient_id[:2], b.pathology) for b in breasts).values()) * 2 == 3744
