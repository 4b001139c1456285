import numpy as np
import pytest

from services.evaluator.distances.radiomics import radiomic_features
from tests.services.evaluator.run_writer import breast


def test_first_order_features_are_those_of_the_pixels_inside() -> None:
    film, mask = breast(1, 64)
    inside = film[mask].astype(np.float64)
    found = radiomic_features(film, mask)
    assert found["grey_mean"] == pytest.approx(inside.mean())
    assert found["grey_deviation"] == pytest.approx(inside.std())
    assert found["grey_skewness"] == pytest.approx(((inside - inside.mean()) ** 3).mean() / inside.std() ** 3)
    assert found["grey_median"] == pytest.approx(np.median(inside))


def test_what_lies_outside_the_breast_has_no_part_in_grey_levels_and_texture() -> None:
    film, mask = breast(1, 64)
    lit = np.where(mask, film, 0.9).astype(np.float32)
    ours, theirs = radiomic_features(film, mask), radiomic_features(lit, mask)
    assert {name for name in ours if ours[name] != theirs[name]} <= {
        f"detail_octave_{octave}" for octave in range(1, 5)
    }


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_film_of_one_grey_level_has_finite_features(value: float) -> None:
    found = radiomic_features(np.full((32, 32), value, dtype=np.float32), np.ones((32, 32), dtype=np.bool_))
    assert np.isfinite(list(found.values())).all()
    assert list(found) == list(radiomic_features(*breast(1, 64)))


def test_coarser_texture_moves_detail_to_coarser_octaves() -> None:
    noise = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    mask = np.ones((64, 64), dtype=np.bool_)
    fine, coarse = (
        radiomic_features(film, mask) for film in (noise, np.kron(noise[::4, ::4], np.ones((4, 4))).astype("f4"))
    )
    assert fine["detail_octave_1"] > coarse["detail_octave_1"]
    assert fine["detail_octave_3"] < coarse["detail_octave_3"]
    assert fine["cooccurrence_contrast_1"] > coarse["cooccurrence_contrast_1"]
