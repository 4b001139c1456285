"""Films on either grid."""

from dataclasses import replace

import numpy as np
import pytest

from services.curator.export.dicom.grid import (
    back_in_its_file,
    box_on_original_grid,
    box_on_prepared_grid,
    on_original_grid,
    on_prepared_grid,
)
from services.curator.framing import FramedFilm, frame_film, original_film
from shared.crops import Window
from shared.dataset import Origin
from tests.services.curator.export.made_run import COLUMNS, ROWS, SIZE, framed, original


def origin(prepared: FramedFilm) -> Origin:
    return Origin(
        path="a.dcm",
        rows=ROWS,
        columns=COLUMNS,
        crop_box=prepared.crop_box,
        scale=prepared.scale,
        mirrored=prepared.mirrored,
        padding=prepared.padding,
    )


def test_the_prepared_grid_changes_no_pixel() -> None:
    prepared = framed(0, points_left=False)

    placed = on_prepared_grid(prepared.film, prepared.mask, origin(prepared), None)

    assert placed.film is prepared.film
    assert placed.spacing is None


def test_spacing_follows_from_the_resizing() -> None:
    prepared = framed(0, points_left=False)
    _, _, height, width = prepared.crop_box
    top, bottom, left, right = prepared.padding

    placed = on_prepared_grid(prepared.film, prepared.mask, origin(prepared), (0.1, 0.2))

    assert placed.spacing is not None
    # The breast is as high and as wide in millimetres as it was.
    assert placed.spacing[0] * (SIZE - top - bottom) == pytest.approx(0.1 * height)
    assert placed.spacing[1] * (SIZE - left - right) == pytest.approx(0.2 * width)


@pytest.mark.parametrize("points_left", [False, True], ids=["points right", "points left"])
def test_the_original_grid_puts_the_breast_back_where_it_was(points_left: bool) -> None:
    film, mask = original(0, points_left=points_left)
    prepared = framed(0, points_left=points_left)
    assert prepared.mirrored == points_left

    placed = on_original_grid(prepared.film, prepared.mask, origin(prepared), (0.1, 0.2))

    assert placed.film.shape == (ROWS, COLUMNS)
    assert placed.spacing == (0.1, 0.2)
    assert (placed.mask == mask).mean() > 0.97
    both = placed.mask & mask
    assert np.abs(placed.film - film)[both].mean() < 0.03
    assert not placed.film[~placed.mask].any()


@pytest.mark.parametrize("points_left", [False, True], ids=["points right", "points left"])
def test_a_film_that_was_brought_back_is_prepared_to_what_it_was(points_left: bool) -> None:
    prepared = framed(1, points_left=points_left)
    placed = on_original_grid(prepared.film, prepared.mask, origin(prepared), None)

    again = frame_film(placed.film, placed.mask, size=SIZE)

    assert again.mirrored == points_left
    both = again.mask & prepared.mask
    assert both.sum() > 0.95 * prepared.mask.sum()
    assert np.abs(again.film - prepared.film)[both].mean() < 0.03


def test_the_brightest_and_darkest_stay_within_the_film() -> None:
    prepared = framed(2, points_left=False)
    placed = on_original_grid(prepared.film, prepared.mask, origin(prepared), None)

    assert placed.film.dtype == np.float32
    assert placed.film.max() <= prepared.film.max()
    assert placed.film.min() == 0


def test_a_film_that_was_not_resized_comes_back_bit_for_bit() -> None:
    prepared = framed(3, points_left=False)
    whole = replace(origin(prepared), rows=40, columns=60, crop_box=(3, 20, SIZE, SIZE), padding=(0, 0, 0, 0))

    placed = on_original_grid(prepared.film, prepared.mask, whole, None)

    np.testing.assert_array_equal(placed.film[3 : 3 + SIZE, 20 : 20 + SIZE], prepared.film * prepared.mask)
    assert placed.film.sum() == pytest.approx(prepared.film.sum(), rel=1e-5)


@pytest.mark.parametrize("points_left", [False, True], ids=["as it is", "mirrored"])
def test_a_window_of_the_film_at_its_own_resolution_is_found_on_both_grids(points_left: bool) -> None:
    film, mask = original(0, points_left=points_left)
    square = np.zeros_like(film)
    top, left = 30, (30 if points_left else 8)
    square[top : top + 10, left : left + 10] = 1.0
    prepared = frame_film(square, mask, size=SIZE)
    kept = original_film(square, mask, prepared).film
    window = Window(int(np.flatnonzero(kept.any(axis=1))[0]), int(np.flatnonzero(kept.any(axis=0))[0]), 10)
    assert kept[window.slices].all()
    known = origin(prepared)
    assert box_on_original_grid(window, kept.shape, known) == (left, top, 10, 10)
    x, y, width, height = box_on_prepared_grid(window, kept.shape, known, SIZE)
    outside = np.ones_like(prepared.mask)
    outside[y : y + height, x : x + width] = False
    assert prepared.film[y : y + height, x : x + width].mean() > 0.5
    # Resizing reaches one pixel further.
    assert prepared.film[outside].max() < 0.5


def test_a_film_at_its_own_resolution_goes_back_to_its_place_without_loss() -> None:
    film, mask = original(3, points_left=True)
    prepared = frame_film(film, mask, size=SIZE)
    kept = original_film(film, mask, prepared)
    placed = back_in_its_file(kept.film, kept.mask, origin(prepared), (0.5, 0.5))
    np.testing.assert_array_equal(placed.film, np.where(mask, film, 0))
    assert placed.spacing == (0.5, 0.5)
