import numpy as np
import pytest

from services.trainer.films import FilmSet
from services.trainer.spoiled import CHECK_SIDE, SPOILERS, add_checkerboard, blur, paste_texture, spoil, spoiled_areas


@pytest.mark.parametrize("kind", SPOILERS)
def test_spoiling_changes_the_breast_alone_and_stays_in_range(validation: FilmSet, kind: str):
    film, mask = validation.film(0), validation.masks[0]
    spoiled = spoil(validation, kind, 0, seed=1)
    assert spoiled.dtype == np.float32
    assert 0 <= spoiled.min() <= spoiled.max() <= 1
    np.testing.assert_array_equal(spoiled[~mask], film[~mask])
    assert np.abs(spoiled - film)[mask].max() > 0.005


@pytest.mark.parametrize("kind", SPOILERS)
def test_equal_seeds_spoil_equally(validation: FilmSet, kind: str):
    np.testing.assert_array_equal(spoil(validation, kind, 1, seed=1), spoil(validation, kind, 1, seed=1))


def test_noise_follows_the_seed(validation: FilmSet):
    assert not np.array_equal(spoil(validation, "noise", 1, seed=1), spoil(validation, "noise", 1, seed=2))


def test_checkerboard_has_a_quarter_of_the_breasts_deviation():
    film = np.tile(np.array([0.4, 0.6], dtype=np.float32), (8, 4))
    difference = add_checkerboard(film, np.ones_like(film, dtype=bool), film, np.random.default_rng(0)) - film
    np.testing.assert_allclose(np.abs(difference), 0.25 * 0.1, rtol=1e-5)
    assert (
        np.sign(difference[:CHECK_SIDE, :CHECK_SIDE]) == -np.sign(difference[:CHECK_SIDE, CHECK_SIDE : 2 * CHECK_SIDE])
    ).all()


def test_blur_keeps_a_flat_film_and_the_sum_of_a_point():
    flat = np.full((64, 64), 0.3, dtype=np.float32)
    mask = np.ones_like(flat, dtype=bool)
    np.testing.assert_allclose(blur(flat, mask, flat, np.random.default_rng(0)), flat, rtol=1e-5)
    point = np.zeros_like(flat)
    point[32, 32] = 1
    blurred = blur(point, mask, point, np.random.default_rng(0))
    assert blurred.sum() == pytest.approx(1, rel=1e-5)
    rows = np.arange(64) - 32
    assert np.sqrt((blurred.sum(axis=1) * rows**2).sum()) == pytest.approx(64 / 64, rel=0.05)


def test_pasted_texture_is_the_donors_at_the_films_brightness():
    film = np.full((16, 16), 0.5, dtype=np.float32)
    donor = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    spoiled = paste_texture(film, np.ones_like(film, dtype=bool), donor, np.random.default_rng(0))
    changed = np.argwhere(spoiled != film)
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
    assert (bottom - top, right - left) == (4, 4)
    patch = donor[top:bottom, left:right]
    np.testing.assert_allclose(spoiled[top:bottom, left:right], patch - patch.mean() + 0.5, atol=1e-6)


def test_texture_comes_from_another_patient(validation: FilmSet):
    alone = FilmSet(validation.films[:2], validation.pixels[:2], validation.masks[:2])
    assert len(set(alone.patients)) == 1
    other = FilmSet(validation.films[:3], validation.pixels[:3], validation.masks[:3])
    assert not np.array_equal(spoil(alone, "texture", 0, seed=0), spoil(other, "texture", 0, seed=0))


class BrightnessScorer:
    """Scores a film by its deviation inside the mask: noisier is more, blurrier is less."""

    def run(self, film: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
        return {"score": np.array([film[mask].std()])}


def test_areas_say_which_kinds_a_score_sees(validation: FilmSet):
    scorer = BrightnessScorer()
    scores = np.array([scorer.run(validation.film(i), validation.masks[i])["score"][0] for i in range(len(validation))])
    areas = spoiled_areas(scorer, validation, scores, seed=0)
    assert list(areas) == list(SPOILERS)
    assert areas["blur"] < 0.5 < areas["noise"]
