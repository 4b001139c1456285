import numpy as np
import pytest

from services.evaluator.distances.cooccurrence import cooccurrence, texture

# The example of Haralick, Shanmugam and Dinstein (1973), figure 3: its four directions added up.
LEVELS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]])
DIRECTIONS = [
    [[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]],
    [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]],
    [[2, 1, 3, 0], [1, 2, 1, 0], [3, 1, 0, 2], [0, 0, 2, 0]],
    [[4, 1, 0, 0], [1, 2, 2, 0], [0, 2, 4, 1], [0, 0, 1, 0]],
]
EVERYWHERE = np.ones((4, 4), dtype=np.bool_)


def test_counts_as_haralicks_example_does() -> None:
    expected = np.sum(DIRECTIONS, axis=0)
    found = cooccurrence(LEVELS, EVERYWHERE, count=4, distance=1)
    np.testing.assert_allclose(found, expected / expected.sum())


def test_pixels_outside_the_mask_have_no_part() -> None:
    mask = EVERYWHERE.copy()
    mask[2:] = False
    found = cooccurrence(LEVELS, mask, count=4, distance=1)
    np.testing.assert_allclose(found, cooccurrence(LEVELS[:2], EVERYWHERE[:2], count=4, distance=1))
    mask[:] = False
    mask[0, 0] = True
    assert not cooccurrence(LEVELS, mask, count=4, distance=1).any()


def test_looks_as_far_as_asked() -> None:
    columns = np.tile(np.array([0, 1]), (6, 4))
    mask = np.ones(columns.shape, dtype=np.bool_)
    assert texture(cooccurrence(columns, mask, count=2, distance=2))["contrast"] == 0.0
    assert texture(cooccurrence(columns, mask, count=2, distance=1))["contrast"] > 0.5


def test_measures_are_those_of_the_textbook() -> None:
    measured = texture(np.array([[0.5, 0.125], [0.125, 0.25]]))
    assert measured["contrast"] == measured["dissimilarity"] == 0.25
    assert measured["homogeneity"] == pytest.approx(0.75 + 0.25 / 2)
    assert measured["energy"] == pytest.approx(0.25 + 2 / 64 + 1 / 16)
    assert measured["entropy"] == pytest.approx(0.5 + 2 * 0.125 * 3 + 0.25 * 2)
    mean = 0.375
    assert measured["correlation"] == pytest.approx((0.25 - mean**2) / (mean - mean**2))


def test_one_grey_level_is_all_order() -> None:
    measured = texture(np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert (measured["energy"], measured["entropy"], measured["correlation"]) == (1.0, 0.0, 1.0)
