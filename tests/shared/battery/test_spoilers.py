import numpy as np
import pytest

from shared.battery import SPOILERS, spoil
from shared.battery.spoilers import (
    CHECK_SIDE,
    SEAM_WIDTH,
    add_checkerboard,
    blur,
    draw_seam,
    lower_contrast,
    paste_patch,
    raise_contrast,
)
from shared.images import Film, Mask

GENERATOR = np.random.default_rng(0)


def breast(seed: int = 0) -> tuple[Film, Mask]:
    """A half disc of tissue, (64, 64)."""
    rows, columns = np.indices((64, 64))
    mask = (rows - 32) ** 2 + columns**2 < 28**2
    film = 0.4 + 0.1 * np.cos(rows / 5 + seed) + np.random.default_rng(seed).normal(scale=0.01, size=mask.shape)
    return np.where(mask, film, 0).astype(np.float32), mask


@pytest.mark.parametrize("kind", SPOILERS)
def test_spoiling_changes_the_breast_alone_and_stays_in_range(kind: str) -> None:
    film, mask = breast()
    spoiled = spoil(kind, film, mask, breast(1)[0], seed=(1, 0))
    assert spoiled.dtype == np.float32
    assert 0 <= spoiled.min() <= spoiled.max() <= 1
    np.testing.assert_array_equal(spoiled[~mask], film[~mask])
    assert np.abs(spoiled - film)[mask].max() > 0.005


@pytest.mark.parametrize("kind", SPOILERS)
def test_equal_seeds_spoil_equally(kind: str) -> None:
    film, mask = breast()
    once, again = (spoil(kind, film, mask, breast(1)[0], seed=(1, 2)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("kind", ["noise", "patch"])
def test_what_is_drawn_follows_the_seed_and_the_film(kind: str) -> None:
    film, mask = breast()
    drawn = [spoil(kind, film, mask, breast(1)[0], seed=seed) for seed in ((1, 2), (2, 2), (1, 3))]
    assert len({each.tobytes() for each in drawn}) == 3


def test_no_two_kinds_share_their_random_numbers() -> None:
    assert len({spoiler.number for spoiler in SPOILERS.values()}) == len(SPOILERS)


def test_checkerboard_has_a_quarter_of_the_breasts_deviation() -> None:
    film = np.tile(np.array([0.4, 0.6], dtype=np.float32), (8, 4))
    difference = add_checkerboard(film, np.ones_like(film, dtype=bool), film, GENERATOR) - film
    np.testing.assert_allclose(np.abs(difference), 0.25 * 0.1, rtol=1e-5)
    assert (
        np.sign(difference[:CHECK_SIDE, :CHECK_SIDE]) == -np.sign(difference[:CHECK_SIDE, CHECK_SIDE : 2 * CHECK_SIDE])
    ).all()


def test_blur_keeps_a_flat_film_and_the_sum_of_a_point() -> None:
    flat = np.full((64, 64), 0.3, dtype=np.float32)
    mask = np.ones_like(flat, dtype=bool)
    np.testing.assert_allclose(blur(flat, mask, flat, GENERATOR), flat, rtol=1e-5)
    point = np.zeros_like(flat)
    point[32, 20] = 1
    blurred = blur(point, mask, point, GENERATOR)
    assert blurred.sum() == pytest.approx(1, rel=1e-5)
    for axis, centre in ((1, 32), (0, 20)):
        distances = np.arange(64) - centre
        assert np.sqrt((blurred.sum(axis=axis) * distances**2).sum()) == pytest.approx(64 / 64, rel=0.05)


def test_a_pasted_patch_is_the_donors_at_the_films_brightness() -> None:
    film = np.full((16, 16), 0.5, dtype=np.float32)
    donor = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    spoiled = paste_patch(film, np.ones_like(film, dtype=bool), donor, np.random.default_rng(0))
    changed = np.argwhere(spoiled != film)
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
    assert (bottom - top, right - left) == (4, 4)
    patch = donor[top:bottom, left:right]
    np.testing.assert_allclose(spoiled[top:bottom, left:right], patch - patch.mean() + 0.5, atol=1e-6)


@pytest.mark.parametrize(("change", "factor"), [(raise_contrast, 3.0), (lower_contrast, 1 / 3)])
def test_contrast_is_wrong_by_a_factor_of_three_about_the_breasts_mean(change: type, factor: float) -> None:
    film, mask = breast()
    changed = change(film, mask, film, GENERATOR)
    assert changed[mask].mean() == pytest.approx(film[mask].mean(), rel=1e-5)
    assert changed[mask].std() == pytest.approx(factor * film[mask].std(), rel=1e-4)


def test_the_seam_follows_the_masks_edge_and_not_the_films_border() -> None:
    mask = np.zeros((20, 20), dtype=np.bool_)
    mask[5:15, :10] = True
    film = np.where(mask, np.indices(mask.shape)[0] / 20, 0).astype(np.float32)
    brighter = draw_seam(film, mask, film, GENERATOR) - film
    inner = np.zeros_like(mask)
    inner[5 + SEAM_WIDTH : 15 - SEAM_WIDTH, : 10 - SEAM_WIDTH] = True
    np.testing.assert_array_equal(brighter > 0, mask & ~inner)
    np.testing.assert_allclose(brighter[mask & ~inner], film[mask].std(), rtol=1e-5)
