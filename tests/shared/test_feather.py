"""Soft edges: nothing outside, all inside, no step between."""

import numpy as np
import pytest

from shared.feather import feather


def disc(size: int, radius: float) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.asarray(y**2 + x**2 <= radius**2)


def test_weights_are_none_outside_all_inside_and_rise_without_a_step() -> None:
    mask = disc(64, 28)
    weights = feather(mask, 16)
    assert weights.dtype == np.float32
    assert not weights[~mask].any()
    assert weights[32, 32] == pytest.approx(1, abs=1e-6)
    assert np.abs(np.diff(weights, axis=0)).max() < 0.25
    assert np.abs(np.diff(weights, axis=1)).max() < 0.25
    # On the edge itself there is as good as nothing: what is changed there would be a seam.
    first = np.argmax(mask[32])
    assert weights[32, first] < 0.02


def test_what_lies_beyond_the_array_counts_as_outside() -> None:
    weights = feather(np.ones((32, 32), bool), 8)
    assert weights[0].max() < 0.15
    assert weights[16, 16] == pytest.approx(1, abs=1e-6)


def test_weights_are_the_mean_over_a_square_of_the_mean_over_a_square_of_the_core() -> None:
    mask = np.zeros((11, 11), bool)
    mask[2:9, 2:9] = True
    core = np.zeros((11, 11))
    core[4:7, 4:7] = 1
    once = np.array(
        [[np.mean(core[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2]) for j in range(11)] for i in range(11)]
    )
    twice = np.array(
        [[np.mean(once[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2]) for j in range(11)] for i in range(11)]
    )
    np.testing.assert_allclose(feather(mask, 4), twice, atol=1e-6)


@pytest.mark.parametrize("width", [0, 3, 64], ids=["none", "below four pixels", "wider than the mask"])
def test_some_pixel_always_counts(width: int) -> None:
    mask = np.zeros((32, 32), bool)
    mask[10:15, 10:15] = True
    weights = feather(mask, width)
    assert weights.max() > 0
    assert not weights[~mask].any()
