from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.curator.entry import Box, Finding
from services.curator.finding_mask import find_mask
from services.curator.framing import frame_film
from services.curator.lesions import place_findings, read_lesions
from services.curator.phantom import make_phantom
from shared.dataset import Dataset, Lesion
from shared.errors import DatasetError, InvalidImageError
from shared.images import encode_png16

HEADER = "path,x,y,width,height,pathology\n"


@pytest.mark.parametrize("laterality", ["LEFT", "RIGHT"], ids=["as it is", "mirrored"])
@pytest.mark.parametrize("stretched", [False, True], ids=["square pixels", "stretched"])
def test_a_box_is_carried_to_the_place_of_what_it_surrounds(laterality: str, stretched: bool) -> None:
    phantom = make_phantom(seed=4, malignant=True, laterality=laterality, rows=240, columns=180)
    film, breast = phantom.film, phantom.breast
    top, left, height, width = phantom.lesion_box
    film[:] = 0.2
    film[top : top + height, left : left + width] = 1.0
    if stretched:
        film, breast = film.repeat(2, axis=1), breast.repeat(2, axis=1)
        left, width = 2 * left, 2 * width
    framed = frame_film(film, breast, size=128, aspect_ratio=180 / 240 if stretched else None)
    assert framed.mirrored == (laterality == "RIGHT")
    finding = Finding(label="malignant", box=Box(x=left, y=top, width=width, height=height))
    (lesion,) = place_findings([finding], framed, film.shape).lesions
    bright = framed.film > 0.6
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    assert lesion.label == "malignant"
    assert lesion.y == pytest.approx(rows[0], abs=1)
    assert lesion.x == pytest.approx(columns[0], abs=1)
    assert lesion.height == pytest.approx(len(rows), abs=1)
    assert lesion.width == pytest.approx(len(columns), abs=1)


def test_what_lies_outside_of_the_breast_is_cut_off_or_remarked_on() -> None:
    film, mask = np.full((100, 80), 0.5, np.float32), np.zeros((100, 80), bool)
    mask[20:70, :50] = True
    framed = frame_film(film, mask, size=52)
    findings = [
        Finding(label="benign", box=Box(x=30, y=40, width=40, height=50)),
        Finding(label="benign", box=Box(x=60, y=80, width=5, height=5)),
    ]
    placed = place_findings(findings, framed, film.shape)
    top, left, height, width = framed.crop_box
    assert (top, left, height, width) == (19, 0, 52, 51)
    assert placed.lesions == (Lesion(x=30, y=21, width=21, height=31, label="benign"),)
    assert placed.remarks == ("finding 2: lies outside of what was taken for the breast",)


def test_equal_lesions_are_one() -> None:
    film, mask = np.full((64, 64), 0.5, np.float32), np.ones((64, 64), bool)
    framed = frame_film(film, mask, size=64)
    finding = Finding(label="benign", box=Box(x=3, y=4, width=5, height=6))
    assert len(place_findings([finding, finding], framed, film.shape).lesions) == 1


def write_mask(path: Path, shape: tuple[int, int], box: tuple[int, int, int, int]) -> Path:
    mask = np.zeros(shape, np.float32)
    top, left, height, width = box
    mask[top : top + height, left : left + width] = 1
    path.write_bytes(encode_png16(mask))
    return path


def test_a_mask_is_told_from_a_crop_by_its_two_grey_levels(tmp_path: Path) -> None:
    film, breast = np.full((100, 80), 0.5, np.float32), np.ones((100, 80), bool)
    crop = tmp_path / "crop.png"
    crop.write_bytes(encode_png16(np.random.default_rng(0).random((100, 80), np.float32)))
    mask = write_mask(tmp_path / "mask.png", (100, 80), (10, 20, 30, 40))
    framed = frame_film(film, breast, size=100)
    finding = Finding(label="malignant", masks=(("a/crop", crop), ("a/mask", mask)))
    placed = place_findings([finding], framed, film.shape)
    assert placed.lesions == (Lesion(x=30, y=10, width=40, height=30, label="malignant", path="a/mask"),)


def test_a_mask_of_another_number_of_pixels_is_brought_to_the_film_and_one_of_another_shape_is_refused(
    tmp_path: Path,
) -> None:
    film, breast = np.full((100, 80), 0.5, np.float32), np.ones((100, 80), bool)
    framed = frame_film(film, breast, size=100)
    half = write_mask(tmp_path / "half.png", (50, 40), (5, 10, 15, 20))
    turned = write_mask(tmp_path / "turned.png", (80, 100), (5, 10, 15, 20))
    findings = [
        Finding(label="malignant", masks=(("half", half),)),
        Finding(label="malignant", masks=(("turned", turned),)),
        Finding(label="malignant", masks=(("gone", tmp_path / "gone.png"),)),
        Finding(label="malignant"),
    ]
    placed = place_findings(findings, framed, film.shape)
    assert placed.lesions == (Lesion(x=30, y=10, width=40, height=30, label="malignant", path="half"),)
    assert placed.remarks == (
        "finding 2: found a mask of 80 x 100 pixels on a film of 100 x 80",
        "finding 3: found no mask; gone: no such file",
        "finding 4: found no mask; no file of its series is there",
    )


def test_a_table_of_lesions_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lesions.csv"
    path.write_text(HEADER + "a\\b.png,1.5,2,3,4,malignant\na/b.png,5,6,7,8,\nc.png,1,1,1,1,BENIGN_WITHOUT_CALLBACK\n")
    assert read_lesions(path) == {
        "a/b.png": [
            Finding(label="malignant", box=Box(x=1.5, y=2, width=3, height=4)),
            Finding(label="", box=Box(x=5, y=6, width=7, height=8)),
        ],
        "c.png": [Finding(label="benign", box=Box(x=1, y=1, width=1, height=1))],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,x,y,width\na,1,2,3\n", "row 1, column height: missing"),
        (HEADER + "a,1,2,3,4,BENIGN\nb,one,2,3,4,\n", "row 3, column x: found 'one'"),
        (HEADER + "a,1,nan,3,4,\n", "row 2, column y: found 'nan'"),
        (HEADER + "a,1,2,0,4,\n", "row 2, column width: found '0', needed more than 0"),
        (HEADER + "a,1,2,3,-4,\n", "row 2, column height: found '-4', needed more than 0"),
        (HEADER + "a,1,2,3,4,BAD\n", "row 2, column pathology: found 'BAD'"),
        (HEADER, "row 2: found no film"),
    ],
    ids=["column missing", "no number", "not finite", "no width", "negative height", "pathology", "empty"],
)
def test_a_malformed_table_of_lesions_is_refused_by_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lesions.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_lesions(path)


def test_phantom_lesions_reach_the_prepared_data_set(
    prepare_phantoms: Callable[..., Path], phantoms: Path, tmp_path: Path
) -> None:
    dataset = Dataset.open(prepare_phantoms(tmp_path / "dataset", lesions=phantoms / "lesions.csv"))
    assert [len(film.lesions) for film in dataset.films] == [1] * 48
    for film in dataset.films:
        (lesion,) = film.lesions
        assert lesion.label == film.label
        mask = dataset.mask(film.image_id)
        row, column = int(lesion.y + lesion.height / 2), int(lesion.x + lesion.width / 2)
        assert mask[row, column]
    assert dataset.notes["remarks"] == {}


def test_lesions_of_other_films_are_refused(
    prepare_phantoms: Callable[..., Path], phantoms: Path, tmp_path: Path
) -> None:
    lesions = tmp_path / "lesions.csv"
    lesions.write_text(HEADER + "other.png,1,2,3,4,BENIGN\n")
    with pytest.raises(DatasetError, match=r"column path: found none of the films of .*table\.csv, such as films/PH_"):
        prepare_phantoms(tmp_path / "dataset", lesions=lesions)


def test_a_file_that_cannot_be_read_is_no_mask(tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("junk")
    with pytest.raises(InvalidImageError, match="found no mask; m: found no image"):
        find_mask(Finding(label="", masks=(("m", tmp_path / "junk"),)), (10, 10))
