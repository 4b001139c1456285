"""Phantom archives with every trap become exactly the data set that is expected, film by film."""

import csv
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest

from services.curator.configuration import PhantomConfiguration, PrepareConfiguration
from services.curator.phantom.command import run as make_phantoms
from services.curator.prepare import run as prepare
from services.curator.traps import TRAPS
from shared.dataset import Dataset, Film, Split
from shared.errors import ConfigurationError

FILM = ("patient_id", "laterality", "view", "pathology", "subset", "official_split")


@dataclass(frozen=True)
class Prepared:
    """A phantom archive, what is expected of it, and the data set that it became."""

    archive: Path
    expected: list[dict[str, str]]
    dataset: Dataset
    skipped: dict[str, str]

    def expect(self, becomes: str) -> list[dict[str, str]]:
        return [row for row in self.expected if row["becomes"] == becomes]

    def film(self, row: dict[str, str]) -> Film:
        (found,) = (
            film
            for film in self.dataset.films
            if all(getattr(film, column) == row[column] for column in ("patient_id", "laterality", "view"))
        )
        return found


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def make(folder: Path, layout: str, download: str) -> Prepared:
    archive = folder / layout
    make_phantoms(
        PhantomConfiguration(
            output=archive,
            layout=layout,  # type: ignore[arg-type]
            download=download,  # type: ignore[arg-type]
            traps=("all",),
            patients=15,
            rows=96,
            columns=72,
            seed=3,
            workers=1,
        )
    )
    option = {"cbis-ddsm": "cbis_ddsm", "cmmd": "cmmd"}[layout]
    prepare(
        PrepareConfiguration(
            output=folder / "dataset",
            size=32,
            workers=1,
            **{option: archive},  # type: ignore[arg-type]
        )
    )
    dataset = Dataset.open(folder / "dataset")
    skipped = {row["path"]: row["reason"] for row in read(folder / "dataset" / "skipped.csv")}
    return Prepared(archive, read(archive / "expected.csv"), dataset, skipped)


@pytest.fixture(scope="module", params=["classic", "descriptive", "zip", "flat"])
def cbis_ddsm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """CBIS-DDSM with all traps, in each layout of the download."""
    return make(tmp_path_factory.mktemp(request.param), "cbis-ddsm", request.param)


@pytest.fixture(scope="module", params=["classic", "zip"])
def cmmd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """CMMD with all traps."""
    return make(tmp_path_factory.mktemp(request.param), "cmmd", request.param)


def check_films(prepared: Prepared) -> None:
    found = Counter(tuple(str(getattr(film, column)) for column in FILM) for film in prepared.dataset.films)
    expected = Counter(tuple(row[column] for column in FILM) for row in prepared.expect("film"))
    assert found == expected
    assert prepared.dataset.info["merged"] == len(prepared.expect("merged"))


def check_places(prepared: Prepared) -> None:
    for row in prepared.expect("film"):
        film = prepared.film(row)
        assert film.origin.path == row["place"]
        assert len(film.lesions) == int(row["lesions"])


def check_skipped(prepared: Prepared) -> None:
    expected = {row["place"]: row["reason"] for row in prepared.expect("skipped")}
    assert sorted(prepared.skipped) == sorted(expected)
    for path, reason in expected.items():
        assert prepared.skipped[path].startswith(reason), path
    assert prepared.dataset.info["skipped"] == len(expected)


def test_every_film_of_cbis_ddsm_is_there_with_its_label_and_no_other(cbis_ddsm: Prepared) -> None:
    check_films(cbis_ddsm)


def test_every_film_of_cmmd_is_there_with_its_label_and_no_other(cmmd: Prepared) -> None:
    check_films(cmmd)


def test_every_film_of_cbis_ddsm_comes_from_its_own_file(cbis_ddsm: Prepared) -> None:
    check_places(cbis_ddsm)


def test_every_film_of_cmmd_comes_from_its_own_file(cmmd: Prepared) -> None:
    check_places(cmmd)


def test_whatever_of_cbis_ddsm_was_not_used_is_listed_with_its_reason(cbis_ddsm: Prepared) -> None:
    check_skipped(cbis_ddsm)


def test_whatever_of_cmmd_was_not_used_is_listed_with_its_reason(cmmd: Prepared) -> None:
    check_skipped(cmmd)


def test_the_official_test_side_of_cbis_ddsm_is_the_test_split(cbis_ddsm: Prepared) -> None:
    for row in cbis_ddsm.expect("film"):
        assert (cbis_ddsm.film(row).split is Split.TEST) == (row["test"] == "True"), row
    assert cbis_ddsm.dataset.notes["cbis-ddsm"]["patients_on_both_sides"] == ["P_00902"]


def test_masks_of_cbis_ddsm_become_boxes_at_their_place(cbis_ddsm: Prepared) -> None:
    boxes = 0
    for film in cbis_ddsm.dataset.films:
        origin = film.origin
        for lesion in film.lesions:
            mask = read_pixels(cbis_ddsm.archive, lesion.path.removeprefix("cbis-ddsm/"))
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            grow = origin.rows / mask.shape[0]
            top, bottom = grow * rows[0], grow * (rows[-1] + 1)
            left, right = grow * columns[0], grow * (columns[-1] + 1)
            # Some masses reach beyond what is taken for the breast.
            crop_top, crop_left, crop_height, crop_width = origin.crop_box
            top, bottom = max(top, crop_top), min(bottom, crop_top + crop_height)
            left, right = max(left, crop_left), min(right, crop_left + crop_width)
            assert lesion.y - origin.padding[0] == pytest.approx((top - origin.crop_box[0]) * origin.scale, abs=0.5)
            assert lesion.height == pytest.approx((bottom - top) * origin.scale, abs=0.5)
            # Columns are rounded to whole ones, of which there are few.
            scale = (32 - origin.padding[2] - origin.padding[3]) / origin.crop_box[3]
            assert lesion.width == pytest.approx((right - left) * scale, abs=0.3)
            across = left if not origin.mirrored else 2 * origin.crop_box[1] + origin.crop_box[3] - right
            assert lesion.x - origin.padding[2] == pytest.approx((across - origin.crop_box[1]) * scale, abs=0.3)
            boxes += 1
    assert boxes == sum(int(row["lesions"]) for row in cbis_ddsm.expect("film"))
    assert boxes > 70


def read_pixels(archive: Path, name: str) -> np.ndarray:
    if ".zip/" in name:
        outer, inner = name.split(".zip/")
        with zipfile.ZipFile(archive / f"{outer}.zip") as opened:
            return np.asarray(pydicom.dcmread(opened.open(inner)).pixel_array)
    return np.asarray(pydicom.dcmread(archive / name).pixel_array)


def test_a_mask_that_is_not_there_is_remarked_on(cbis_ddsm: Prepared) -> None:
    (row,) = (row for row in cbis_ddsm.expect("film") if row["lesions"] == "0")
    remarks = cbis_ddsm.dataset.notes["remarks"]
    assert list(remarks) == [row["place"]]
    assert remarks[row["place"]][0].startswith("finding 1: found no mask; ")


def test_findings_of_one_film_keep_their_own_labels(cbis_ddsm: Prepared) -> None:
    labels = Counter(
        tuple(sorted(lesion.label for lesion in film.lesions))
        for film in cbis_ddsm.dataset.films
        if len(film.lesions) > 1
    )
    assert labels == {("benign", "malignant"): 2}


def test_breasts_of_cmmd_without_a_label_are_counted_and_left_out(cmmd: Prepared) -> None:
    notes = cmmd.dataset.notes["cmmd"]
    assert (notes["unlabelled_breasts"], notes["unlabelled_films"]) == (1, 1)
    assert notes["dropped_duplicates"] == {"D1-0202": 1, "D1-0808": 1, "D1-1292": 1, "D2-0284": 1}
    left_out = {row["patient_id"] for row in cmmd.expect("left out")}
    kept = {(film.patient_id, film.laterality) for film in cmmd.dataset.films}
    assert not {patient for patient, _ in kept} & (left_out - {"D1-0901"})
    assert ("D1-0901", "left") not in kept
    assert ("D1-0901", "right") in kept


def test_copies_of_a_file_are_one(cbis_ddsm: Prepared, cmmd: Prepared) -> None:
    assert cbis_ddsm.dataset.notes["cbis-ddsm"]["copies"] == cmmd.dataset.notes["cmmd"]["copies"] == 1


def test_both_archives_and_a_folder_fill_one_data_set(phantoms: Path, tmp_path: Path) -> None:
    for layout in ("cbis-ddsm", "cmmd"):
        make_phantoms(
            PhantomConfiguration(
                output=tmp_path / layout,
                layout=layout,  # type: ignore[arg-type]
                patients=12,
                rows=96,
                columns=72,
                workers=1,
            )
        )
    options = {"cbis_ddsm": tmp_path / "cbis-ddsm", "cmmd": tmp_path / "cmmd", "images": phantoms}
    run: Callable[..., None] = lambda output, workers: prepare(  # noqa: E731
        PrepareConfiguration(
            output=output,
            size=32,
            table=phantoms / "table.csv",
            workers=workers,
            seed=1,
            **options,  # type: ignore[arg-type]
        )
    )
    run(tmp_path / "one", 1)
    run(tmp_path / "two", 2)
    one, two = Dataset.open(tmp_path / "one"), Dataset.open(tmp_path / "two")
    assert one.sha256 == two.sha256
    assert Counter(film.source for film in one.films) == {"cbis-ddsm": 48, "cmmd": 48, "phantom": 48}
    in_test = Counter(film.source for film in one.films if film.split is Split.TEST)
    assert in_test["cbis-ddsm"] == 8
    assert 4 <= in_test["cmmd"] <= 12
    assert 4 <= in_test["phantom"] <= 12


@pytest.mark.parametrize("layout", TRAPS)
def test_every_trap_can_be_laid_by_its_name(layout: str) -> None:
    for trap in TRAPS[layout]:
        values = {"output": "x", "layout": layout, "traps": trap}
        assert PhantomConfiguration.resolve(values).traps == (trap,)


@pytest.mark.parametrize(("layout", "traps"), [("plain", "all"), ("cmmd", "nameless"), ("cbis-ddsm", "all,nothing")])
def test_a_trap_that_the_layout_has_not_is_refused_by_option(layout: str, traps: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--traps .*needed all, or some of"):
        PhantomConfiguration.resolve({"output": "x", "layout": layout, "traps": traps})
