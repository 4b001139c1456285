import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as reference

from services.evaluator.distances.ms_ssim import WEIGHTS, ms_ssim, scales_of
from shared.errors import InvalidImageError
from shared.images import Film
from tests.services.evaluator.run_writer import breast


def film(seed: int, size: int) -> Film:
    return breast(seed, size)[0]


@pytest.mark.parametrize("strength", [0.02, 0.2])
@pytest.mark.parametrize("size", [192, 256])
def test_equals_pytorch_msssim(size: int, strength: float) -> None:
    noise = np.random.default_rng(3).normal(scale=strength, size=(size, size))
    first = film(1, size)
    second = np.clip(first + noise, 0.0, 1.0).astype(np.float32)
    tensors = [torch.from_numpy(item).double()[None, None] for item in (first, second)]
    expected = float(reference(*tensors, data_range=1.0))
    assert ms_ssim(first, second) == pytest.approx(expected, rel=1e-3)


def test_a_film_equals_itself_and_strangers_are_less_alike() -> None:
    first, second = (np.random.default_rng(seed).random((64, 64), dtype=np.float32) for seed in (1, 2))
    assert ms_ssim(first, first) == pytest.approx(1.0)
    assert 0.0 <= ms_ssim(first, second) < 0.9
    assert ms_ssim(first, second) == pytest.approx(ms_ssim(second, first))


def test_what_is_reversed_counts_as_no_likeness() -> None:
    noise = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    assert ms_ssim(noise, 1.0 - noise) == 0.0


@pytest.mark.parametrize(("size", "count"), [(11, 1), (22, 2), (64, 3), (128, 4), (176, 5), (1024, 5)])
def test_small_films_have_fewer_scales(size: int, count: int) -> None:
    assert scales_of(size) == count
    assert len(WEIGHTS) == 5


def test_films_smaller_than_the_window_are_refused() -> None:
    with pytest.raises(InvalidImageError, match="found 10 pixels a side, needed 11"):
        ms_ssim(np.zeros((10, 10), dtype=np.float32), np.zeros((10, 10), dtype=np.float32))
