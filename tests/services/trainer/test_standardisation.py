import numpy as np
import pytest
import torch

from services.trainer.films import FilmSet
from services.trainer.standardisation import PixelStatistics, Standardise, breast_statistics
from shared.errors import DatasetError


def test_statistics_are_those_of_the_pixels_inside_the_masks(training: FilmSet):
    inside = np.concatenate([training.film(i)[training.masks[i]] for i in range(len(training))]).astype(np.float64)
    statistics = breast_statistics(training)
    assert statistics.mean == pytest.approx(inside.mean(), abs=1e-6)
    assert statistics.std == pytest.approx(inside.std(), abs=1e-6)


def test_masks_that_hold_no_pixel_are_refused(training: FilmSet):
    empty = FilmSet(training.films, training.pixels, np.zeros_like(training.masks))
    with pytest.raises(DatasetError, match="0 pixels inside"):
        breast_statistics(empty)


def test_inverse_undoes_standardisation():
    standardise = Standardise(PixelStatistics(mean=0.3, std=0.2))
    film = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(standardise.inverse(standardise(film)), film)


@pytest.mark.parametrize("std", [0.0, -1.0, float("nan")])
def test_statistics_that_cannot_divide_do_not_exist(std: float):
    with pytest.raises(ValueError, match="cannot standardise"):
        PixelStatistics(mean=0.5, std=std)
