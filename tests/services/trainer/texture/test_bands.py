from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from services.trainer.texture.bands import BandPass, BandStatistics
from tests.services.trainer.texture.films import SIZE, breast, tensors, tissue


def expected_octaves(film: np.ndarray) -> list[np.ndarray]:
    band_pass = BandPass(SIZE)

    def blurred(values: np.ndarray, blur: torch.nn.Module, deviation: float) -> np.ndarray:
        return ndimage.gaussian_filter(values.astype(float), deviation, mode="constant", radius=blur.radius)

    levels = [film.astype(float)]
    for blur, deviation in zip(band_pass.blurs, band_pass.deviations, strict=True):
        both = [blurred(values, blur, deviation) for values in (film, breast())]
        levels.append(np.divide(both[0], both[1], out=np.zeros_like(both[0]), where=breast()))
    return [fine - coarse for fine, coarse in pairwise(levels)]


def measured(*films: np.ndarray) -> list[dict[str, float]]:
    stacked, masks = tensors(*films)
    octaves = BandPass(SIZE)(stacked, masks)
    statistics = BandStatistics(len(octaves))
    rows = statistics(stacked, masks, octaves).tolist()
    return [dict(zip(statistics.names, row, strict=True)) for row in rows]


def test_octaves_are_differences_of_scipys_gaussians_and_sum_to_the_film():
    films, masks = tensors(tissue(0))
    band_pass = BandPass(SIZE)
    octaves = band_pass(films, masks)
    for found, expected in zip(octaves, expected_octaves(tissue(0)), strict=True):
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-5)
    np.testing.assert_allclose(sum(octaves) + band_pass.blurs[-1](films, masks), films, atol=1e-6)


def test_larger_films_have_more_octaves():
    assert [len(BandPass(size).deviations) for size in (16, 64, 128, 256)] == [2, 4, 5, 6]


def test_octaves_are_described_as_numpy_and_scipy_do():
    (found,) = measured(tissue(1))
    inside = [octave[breast()] for octave in expected_octaves(tissue(1))]
    for number, octave in enumerate(inside):
        assert found[f"amplitude_{number}"] == pytest.approx(np.log(np.sqrt((octave**2).mean())), abs=1e-4)
        around_zero = octave / np.sqrt((octave**2).mean())
        assert found[f"kurtosis_{number}"] == pytest.approx(np.log((around_zero**4).mean()), abs=1e-3)
        assert found[f"skewness_{number}"] == pytest.approx(np.arcsinh((around_zero**3).mean()), abs=1e-3)
        assert found[f"density_{number}"] == pytest.approx(np.log(np.abs(around_zero).mean()), abs=1e-3)
    for number, (fine, coarse) in enumerate(pairwise(inside)):
        assert found[f"joint_{number}"] == pytest.approx(stats.pearsonr(np.abs(fine), np.abs(coarse))[0], abs=1e-3)


def test_directions_are_told_apart():
    stripes = np.where(breast() & (np.indices((SIZE, SIZE))[0] % 2 == 0), np.float32(0.6), np.float32(0.4)) * breast()
    across, along = measured(stripes, stripes[:, :])[0], measured(tissue(2))[0]
    assert across["rows_to_columns"] > 5
    assert abs(along["rows_to_columns"]) < 0.2


def test_blur_makes_octaves_fainter_and_noise_makes_them_stronger():
    film = tissue(4)
    continued = np.where(breast(), film, film[breast()].mean())
    smooth = np.where(breast(), ndimage.gaussian_filter(continued, 1.0), 0).astype(np.float32)
    rough = np.where(breast(), film + np.random.default_rng(0).normal(scale=0.05, size=film.shape), 0)
    blurred, plain, noisy = measured(smooth, film, rough.astype(np.float32))
    assert blurred["amplitude_0"] < plain["amplitude_0"] - 0.5
    assert noisy["amplitude_0"] > plain["amplitude_0"] + 0.5
