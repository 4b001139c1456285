import numpy as np
import pytest

from services.curator.phantom import Phantom, make_phantom
from services.curator.phantom.film import LATERALITIES, VIEWS


def small(**options: object) -> Phantom:
    return make_phantom(**{"seed": 3, "malignant": False, "rows": 128, "columns": 96} | options)  # type: ignore[arg-type]


def test_the_same_seed_makes_the_same_film_and_another_seed_another() -> None:
    np.testing.assert_array_equal(small().film, small().film)
    assert not np.array_equal(small().film, small(seed=4).film)


@pytest.mark.parametrize("laterality", LATERALITIES)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("malignant", [False, True])
def test_a_film_is_float32_between_0_and_1_with_its_lesion_inside_the_film(
    laterality: str, view: str, malignant: bool
) -> None:
    phantom = small(laterality=laterality, view=view, malignant=malignant)
    assert phantom.film.dtype == np.float32
    assert phantom.film.shape == phantom.breast.shape == (128, 96)
    assert 0 <= phantom.film.min() < 0.1
    assert 0.5 < phantom.film.max() <= 1
    top, left, height, width = phantom.lesion_box
    assert min(height, width) > 2
    assert top >= 0
    assert left >= 0
    assert top + height <= 128
    assert left + width <= 96
    assert phantom.breast[top + height // 2, left + width // 2]
    assert 0.15 < phantom.breast.mean() < 0.75


def test_a_left_breast_points_to_the_right_and_a_right_breast_to_the_left() -> None:
    for view in VIEWS:
        left, right = small(laterality="LEFT", view=view), small(laterality="RIGHT", view=view)
        assert left.breast[:, :48].sum() > left.breast[:, 48:].sum()
        assert right.breast[:, 48:].sum() > right.breast[:, :48].sum()


def test_the_muscle_is_bright_in_the_oblique_view_only() -> None:
    oblique, craniocaudal = small(view="MLO", rows=256, columns=192), small(view="CC", rows=256, columns=192)
    assert np.median(oblique.film[20:50, 10:30]) > 0.6
    assert np.median(craniocaudal.film[20:50, 10:30]) < 0.3


def test_letters_and_tape_lie_beside_the_breast() -> None:
    for seed in range(8):
        phantom = small(seed=seed)
        beside = phantom.film[~phantom.breast]
        assert np.median(beside) < 0.05
        assert beside.max() > 0.3


def test_malignant_films_differ_from_benign_ones_in_texture_at_64_pixels() -> None:
    def roughness(malignant: bool, seed: int) -> float:
        phantom = make_phantom(seed=seed, malignant=malignant, rows=256, columns=192)
        coarse = phantom.film.reshape(64, 4, 48, 4).mean(axis=(1, 3))
        inner = phantom.breast.reshape(64, 4, 48, 4).all(axis=(1, 3))
        vertical, horizontal = np.gradient(coarse)
        return float(np.hypot(vertical, horizontal)[inner].mean())

    benign = [roughness(False, seed) for seed in range(8)]
    malignant = [roughness(True, seed + 100) for seed in range(8)]
    assert np.median(malignant) > 1.25 * np.median(benign)


@pytest.mark.parametrize(
    ("option", "message"),
    [({"laterality": "UP"}, "laterality is 'UP'"), ({"view": "XCCL"}, "view is 'XCCL'"), ({"rows": 8}, "8 x 96")],
    ids=["laterality", "view", "too small"],
)
def test_what_cannot_be_drawn_is_refused_by_name(option: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**option)
