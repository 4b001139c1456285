import numpy as np
import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from services.evaluator.distances.kernel import kernel_distance
from tests.services.evaluator.distances.test_frechet import features


@pytest.mark.parametrize("count", [8, 64])
def test_equals_torchmetrics(count: int) -> None:
    ours, theirs = features(1, 40, count), features(2, 40, count, shift=0.3)
    expected = float(poly_mmd(torch.from_numpy(ours), torch.from_numpy(theirs)))
    assert kernel_distance(ours, theirs) == pytest.approx(expected, rel=1e-3)


def test_equals_the_sums_written_out_for_sets_of_different_size() -> None:
    ours, theirs = features(1, 5, 3), features(2, 7, 3)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within = [
        np.mean([kernel(x, y) for i, x in enumerate(films) for j, y in enumerate(films) if i != j])
        for films in (ours, theirs)
    ]
    between = np.mean([kernel(x, y) for x in ours for y in theirs])
    assert kernel_distance(ours, theirs) == pytest.approx(sum(within) - 2 * between)


def test_is_about_nothing_on_average_where_both_sets_are_of_one_kind() -> None:
    values = [kernel_distance(features(seed, 30, 8), features(100 + seed, 30, 8)) for seed in range(40)]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < np.std(values)
