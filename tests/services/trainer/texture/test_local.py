import numpy as np
import pytest
import torch
from scipy import ndimage

from services.trainer.texture.bands import BandPass
from services.trainer.texture.gaussian import Gaussian
from services.trainer.texture.local import Neighbourhoods, Oddity
from tests.services.trainer.texture.films import SIZE, breast, tensors, tissue


def described(film: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    films, masks = tensors(film)
    return Neighbourhoods(SIZE, 4)(films, masks, BandPass(SIZE)(films, masks))


def test_a_neighbourhood_is_described_beside_the_whole_breast():
    film = tissue(0)
    descriptions, holds = described(film)
    films, masks = tensors(film)
    octave = BandPass(SIZE)(films, masks)[1][0, 0].numpy().astype(float)
    around = Neighbourhoods(SIZE, 4).around

    def blurred(values: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(values, SIZE / 24, mode="constant", radius=around.radius)

    inside = breast().astype(float)
    expected = 0.5 * np.log(blurred(octave**2)[32, 10] / blurred(inside)[32, 10] / (octave[breast()] ** 2).mean())
    assert float(descriptions[0, 1, 32, 10]) == pytest.approx(expected, abs=1e-3)
    mean = blurred(film.astype(float))[32, 10] / blurred(inside)[32, 10]
    brightness = (mean - film[breast()].mean()) / film[breast()].std()
    assert float(descriptions[0, -1, 32, 10]) == pytest.approx(brightness, abs=1e-3)
    np.testing.assert_array_equal(holds[0, 0] > 0, breast() & (blurred(inside) >= 0.5))


def test_a_smoothed_place_is_the_oddest():
    samples = []
    for seed in range(12):
        descriptions, holds = described(tissue(seed))
        samples.append(descriptions[0].movedim(0, -1)[holds[0, 0] > 0].numpy())
    oddity = Oddity(Gaussian.fit(np.concatenate(samples).astype(float)), SIZE)
    film = tissue(20)
    patched = film.copy()
    patched[20:44, 4:20] = ndimage.gaussian_filter(film, 2.0)[20:44, 4:20]
    plain, _ = oddity(*described(film))
    spoiled, distances = oddity(*described(patched))
    row, column = np.unravel_index(int(distances.argmax()), (SIZE, SIZE))
    assert 20 <= row < 44
    assert 4 <= column < 20
    names = list(Oddity.names)
    assert spoiled[0, names.index("oddest")] > plain[0, names.index("oddest")] + 0.3
    assert float(spoiled[0, names.index("oddest")].exp()) == pytest.approx(float(distances.max()), rel=1e-5)
