import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from services.curator.breast_mask import find_border, find_breast, open_with_disc, otsu_threshold
from services.curator.film_file import read_film_file
from services.curator.phantom import make_phantom
from shared.errors import InvalidImageError
from shared.images import Mask


def overlap(first: Mask, second: Mask) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("laterality", "view"), [("LEFT", "CC"), ("RIGHT", "MLO")], ids=["left CC", "right MLO"])
def test_the_breast_of_a_phantom_is_found_without_letters_tape_and_border(
    seed: int, laterality: str, view: str
) -> None:
    phantom = make_phantom(seed=seed, malignant=bool(seed % 2), laterality=laterality, view=view, rows=256, columns=192)
    found = find_breast(phantom.film)
    assert found.dtype == np.bool_
    assert overlap(found, phantom.breast) > 0.94
    assert (found & ~phantom.breast).mean() < 0.015


def test_the_brightness_of_the_ground_does_not_matter() -> None:
    phantom = make_phantom(seed=2, malignant=False, rows=256, columns=192)
    lifted = (0.2 + 0.8 * phantom.film).astype(np.float32)
    assert overlap(find_breast(lifted), phantom.breast) > 0.94


def test_the_brightness_of_the_film_does_not_matter() -> None:
    phantom = make_phantom(seed=2, malignant=False, rows=256, columns=192)
    assert overlap(find_breast(phantom.film * np.float32(0.3)), phantom.breast) > 0.94


def test_a_white_strip_is_border_and_white_tissue_that_goes_on_is_not() -> None:
    film = np.zeros((100, 100), np.float32)
    film[:, 60:] = np.linspace(0.5, 1.0, 40)
    film[:4] = 1.0
    border = find_border(film)
    assert border[:4, :60].all()
    assert not border[5:].any()


def test_a_white_border_beside_the_breast_stays_outside_the_mask() -> None:
    phantom = make_phantom(seed=4, malignant=False, rows=256, columns=192)
    film = phantom.film.copy()
    film[:, :5] = 1.0
    assert not find_breast(film)[:, :4].any()


def test_otsu_separates_two_heaps_of_values() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0.1, 0.03, 3000), generator.normal(0.7, 0.03, 2000)])
    assert 0.15 < otsu_threshold(values.astype(np.float32)) < 0.6


@pytest.mark.parametrize(
    "film",
    [np.zeros((64, 48), np.float32), np.full((64, 48), 0.5, np.float32)],
    ids=["black", "grey"],
)
def test_an_even_film_holds_no_breast(film: np.ndarray) -> None:
    with pytest.raises(InvalidImageError, match="found no breast"):
        find_breast(film)


def test_a_film_with_nothing_but_a_speck_holds_no_breast() -> None:
    film = np.zeros((200, 150), np.float32)
    film[90:96, 70:76] = 1.0
    with pytest.raises(InvalidImageError, match="found no breast"):
        find_breast(film)


def test_lesions_of_shared_films_lie_inside_the_mask(shared_films: Path) -> None:
    with (shared_films / "lesions.csv").open(newline="") as file:
        lesions = list(csv.DictReader(file))[::55]
    assert len(lesions) >= 20
    for lesion in lesions:
        mask = find_breast(read_film_file(shared_films / lesion["path"]).film)
        x, y, width, height = (float(lesion[key]) for key in ("x", "y", "width", "height"))
        inside = mask[int(max(y, 0)) : int(y + height), int(max(x, 0)) : int(x + width)]
        assert inside.mean() > 0.7, lesion["path"]
        assert 0.05 < mask.mean() < 0.8, lesion["path"]


@pytest.mark.parametrize("radius", [1, 4, 8])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0], ids=["full", "few holes", "many holes", "empty"])
def test_an_opening_by_distances_is_that_of_scipy(radius: int, share: float) -> None:
    mask = np.random.default_rng(radius).random((90, 70)) >= share
    if 0 < share < 1:
        mask = ndimage.binary_erosion(ndimage.binary_dilation(mask, iterations=2), iterations=1)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = x * x + y * y <= radius * radius
    np.testing.assert_array_equal(open_with_disc(mask, radius), ndimage.binary_opening(mask, disc))
