"""Crops around a lesion: where they lie, what of them counts, and how they are put back."""

import numpy as np
import pytest

from shared.crops import Window, blend, cut, put_back, region_box, region_mask, region_weights, window_around
from shared.images import from_uint16, to_uint16


def noise(seed: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A film as it is read from 16 bit."""
    return from_uint16(np.random.default_rng(seed).integers(0, 65536, shape).astype(np.uint16))


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((100, 60, 20, 10), Window(33, 78, 64)),
        ((2, 3, 20, 10), Window(0, 0, 64)),
        ((180, 140, 18, 9), Window(86, 136, 64)),
        ((80, 60, 40, 20), Window(32, 62, 75)),
    ],
    ids=["in the middle", "shifted from the corner", "shifted from the far corner", "enlarged"],
)
def test_a_window_lies_around_its_lesion_and_inside_the_film(
    box: tuple[float, float, float, float], window: Window
) -> None:
    assert window_around(box, (150, 200), size=64) == window


def test_a_film_smaller_than_the_window_has_none() -> None:
    assert window_around((5, 5, 10, 10), (63, 200), size=64) is None
    assert window_around((5, 5, 60, 10), (100, 200), size=64) is None


def test_the_region_surrounds_the_lesion_and_leaves_the_crops_border_alone() -> None:
    box = (90.0, 50.0, 40.0, 30.0)
    window = window_around(box, (150, 200), size=64)
    assert window is not None
    mask = region_mask(box, window, 64)
    scale = 64 / window.side
    x, y, width, height = region_box(box)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert len(columns) == pytest.approx(width * scale, abs=1.5)
    assert len(rows) == pytest.approx(height * scale, abs=1.5)
    assert columns[0] == pytest.approx((x - window.left) * scale, abs=1)
    assert rows[0] == pytest.approx((y - window.top) * scale, abs=1)
    everything = region_mask((window.left, window.top, window.side, window.side), window, 64)
    assert not everything[[0, -1]].any()
    assert not everything[:, [0, -1]].any()


def test_a_small_lesion_still_has_a_region_with_texture_in_it() -> None:
    mask = region_mask((50.0, 50.0, 2.0, 2.0), Window(19, 19, 64), 64)
    assert np.flatnonzero(mask.any(axis=0)).size == pytest.approx(0.4 * 64, abs=1.5)


def test_blending_changes_nothing_outside_the_region_and_everything_well_inside() -> None:
    content, changed = noise(1, 64, 64), noise(2, 64, 64)
    mask = region_mask((20.0, 20.0, 24.0, 24.0), Window(0, 0, 64), 64)
    blended = blend(content, changed, mask)
    np.testing.assert_array_equal(blended[~mask], content[~mask])
    assert np.abs(np.diff(region_weights(mask))).max() < 0.5, "a step at the edge is a seam"
    assert region_weights(mask)[32, 32] == pytest.approx(1, abs=1e-6)
    assert blended[32, 32] == pytest.approx(changed[32, 32], abs=1e-5)


@pytest.mark.parametrize("side", [64, 90], ids=["at its own resolution", "enlarged"])
def test_putting_back_changes_no_bit_outside_the_window(side: int) -> None:
    film, window = noise(3, 120, 150), Window(11, 23, side)
    content = cut(film, window, 64)
    mask = region_mask((window.left + 20.0, window.top + 20.0, 30.0, 30.0), window, 64)
    changed = blend(content, noise(4, 64, 64), mask)
    result = put_back(film, window, content, changed)
    outside = np.ones(film.shape, bool)
    outside[window.slices] = False
    assert (to_uint16(result)[outside] == to_uint16(film)[outside]).all()
    assert (result != film).sum() > 100
    if side == 64:
        np.testing.assert_array_equal(to_uint16(result[window.slices]), to_uint16(changed))
    else:
        # The change at the film's own resolution is that of the crop: what was cut out of it again shows it.
        again = cut(result, window, 64) - cut(film, window, 64)
        smooth = put_back(np.full_like(film, 0.5), window, content, content + np.float32(0.2))
        assert smooth[window.slices].mean() == pytest.approx(0.7, abs=1e-3)
        assert np.corrcoef(again[mask], (changed - content)[mask])[0, 1] > 0.8


def test_a_crop_that_did_not_change_gives_the_film_back_to_the_bit() -> None:
    film, window = noise(5, 100, 100), Window(10, 10, 80)
    content = cut(film, window, 64)
    np.testing.assert_array_equal(put_back(film, window, content, content.copy()), film)
