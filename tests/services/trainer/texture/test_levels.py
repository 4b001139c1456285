import numpy as np
import pytest
from scipy import stats

from services.trainer.texture.levels import GreyLevels
from tests.services.trainer.texture.films import breast, tensors, tissue


def test_grey_levels_are_described_as_scipy_does():
    films, masks = tensors(tissue(3))
    found = dict(zip(GreyLevels.names, GreyLevels()(films, masks)[0].tolist(), strict=True))
    inside = tissue(3)[breast()].astype(float)
    assert found["mean"] == pytest.approx(inside.mean(), rel=1e-5)
    assert found["deviation"] == pytest.approx(np.log(inside.std()), rel=1e-4)
    assert found["skewness"] == pytest.approx(stats.skew(inside), abs=1e-3)
    assert found["kurtosis"] == pytest.approx(np.log(stats.kurtosis(inside, fisher=False)), abs=1e-3)


def test_shares_of_blacked_and_burnt_out_pixels_are_counted():
    film = np.where(breast(), np.float32(0.5), 0)
    inside = np.argwhere(breast())
    film[tuple(inside[: len(inside) // 4].T)] = 0
    film[tuple(inside[-len(inside) // 9 :].T)] = 1
    films, masks = tensors(film)
    found = dict(zip(GreyLevels.names, GreyLevels()(films, masks)[0].tolist(), strict=True))
    assert found["below_0.05"] == pytest.approx(1 / 2, abs=0.01)
    assert found["above_0.9"] == pytest.approx(1 / 3, abs=0.01)
