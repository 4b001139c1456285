import numpy as np
import pytest

from services.curator.framing import breast_box, frame_film, original_film, points_left
from shared.images import Film, Mask


def half_disc(rows: int, columns: int, *, left: bool = False) -> tuple[Film, Mask]:
    """A breast that points to the right, or to the left, brighter towards its lower end."""
    y, x = np.mgrid[:rows, :columns] / rows
    mask = (y - 0.5) ** 2 + x**2 < 0.3**2
    film = np.where(mask, 0.3 + 0.6 * y, 0.1).astype(np.float32)
    return (film[:, ::-1].copy(), mask[:, ::-1].copy()) if left else (film, mask)


def test_the_film_is_cut_to_the_breast_scaled_and_padded_to_a_square() -> None:
    film, mask = half_disc(200, 150)
    framed = frame_film(film, mask, size=64)
    top, left, height, width = framed.crop_box
    assert (top, left) == (39, 0)
    assert (height, width) == (123, 62)
    assert framed.film.shape == framed.mask.shape == (64, 64)
    assert framed.scale == pytest.approx(64 / 123)
    assert framed.padding == (0, 0, 16, 16)
    assert framed.mask[32, 16]
    assert not framed.mask[:, :16].any()


def test_everything_outside_the_mask_is_black() -> None:
    film, mask = half_disc(200, 150)
    film[~mask] = 0.8
    framed = frame_film(film, mask, size=64)
    assert framed.film.dtype == np.float32
    assert not framed.film[~framed.mask].any()
    assert framed.film[framed.mask].min() > 0.1


def test_the_aspect_ratio_is_kept() -> None:
    film, mask = half_disc(200, 150)
    framed = frame_film(film, mask, size=128)
    _, _, height, width = breast_box(framed.mask)
    assert height / width == pytest.approx(2, rel=0.03)


def test_a_stretched_film_is_brought_back_to_its_aspect_ratio() -> None:
    film, mask = half_disc(140, 80)
    stretched_film, stretched = film.repeat(4, 0).repeat(7, 1), mask.repeat(4, 0).repeat(7, 1)
    assert stretched.shape == (560, 560)
    framed = frame_film(stretched_film, stretched, size=128, aspect_ratio=80 / 140)
    _, _, height, width = breast_box(framed.mask)
    assert height / width == pytest.approx(2, rel=0.03)


@pytest.mark.parametrize("left", [False, True], ids=["as it is", "mirrored"])
def test_the_record_leads_back_to_the_original(left: bool) -> None:
    film, mask = half_disc(300, 200, left=left)
    framed = frame_film(film, mask, size=96)
    assert framed.mirrored == left
    box_top, box_left, _, box_width = framed.crop_box
    pad_top, _, pad_left, pad_right = framed.padding
    width = 96 - pad_left - pad_right
    for row, column in [(20, 30), (48, 25), (60, 40), (80, 26)]:
        across = column + 0.5 - pad_left
        across = width - across if framed.mirrored else across
        original_row = int(box_top + (row + 0.5 - pad_top) / framed.scale)
        original_column = int(box_left + across * box_width / width)
        assert framed.film[row, column] == pytest.approx(film[original_row, original_column], abs=0.01)
        assert framed.mask[row, column]
        assert mask[original_row, original_column]


def test_breasts_that_point_to_the_left_are_mirrored_if_asked() -> None:
    film, mask = half_disc(200, 150, left=True)
    assert points_left(mask)
    assert not points_left(mask[:, ::-1])
    mirrored, kept = frame_film(film, mask, size=64), frame_film(film, mask, size=64, mirror_right=False)
    other = frame_film(*half_disc(200, 150), size=64)
    assert (mirrored.mirrored, kept.mirrored, other.mirrored) == (True, False, False)
    np.testing.assert_array_equal(mirrored.film, other.film)
    np.testing.assert_array_equal(mirrored.mask, kept.mask[:, ::-1])


@pytest.mark.parametrize("size", [16, 33, 400])
def test_any_size_works_larger_than_the_film_too(size: int) -> None:
    framed = frame_film(*half_disc(200, 150), size=size)
    assert framed.film.shape == (size, size)
    assert framed.mask.any()


@pytest.mark.parametrize("left", [False, True], ids=["as it is", "mirrored"])
def test_the_original_is_the_same_part_pixel_for_pixel(left: bool) -> None:
    film, mask = half_disc(200, 150, left=left)
    framed = frame_film(film, mask, size=64)
    original = original_film(film, mask, framed)
    top, first, height, width = framed.crop_box
    part = (film * mask)[top : top + height, first : first + width]
    np.testing.assert_array_equal(original.film, part[:, ::-1] if left else part)
    assert not original.film[~original.mask].any()


def test_the_original_of_a_stretched_film_gets_its_aspect_ratio_back() -> None:
    film, mask = half_disc(200, 150)
    wide, wide_mask = film.repeat(2, axis=1), mask.repeat(2, axis=1)
    framed = frame_film(wide, wide_mask, size=64, aspect_ratio=150 / 200)
    original = original_film(wide, wide_mask, framed, aspect_ratio=150 / 200)
    height, width = original.film.shape
    assert height == framed.crop_box[2]
    assert width == pytest.approx(framed.crop_box[3] / 2, abs=0.5)
    assert original.mask.shape == original.film.shape
