import numpy as np
import pytest
import torch
from scipy import ndimage

from services.trainer.texture.inside import FAINTEST, Blur, log_amplitude, mean_inside, shells
from tests.services.trainer.texture.films import breast, tensors, tissue


def test_a_mean_counts_what_is_inside_alone():
    films, masks = tensors(tissue(0), tissue(1))
    found = mean_inside(films, masks)
    np.testing.assert_allclose(found, [tissue(i)[breast()].mean() for i in range(2)], rtol=1e-5)
    assert mean_inside(films, torch.zeros_like(masks)).tolist() == [0, 0]


def test_the_amplitude_of_nothing_is_the_faintest():
    assert log_amplitude(torch.tensor([0.0, 0.25])).tolist() == pytest.approx([np.log(FAINTEST), np.log(0.5)], rel=1e-6)


@pytest.mark.parametrize("deviation", [0.6, 2.4, 6.0])
def test_blurring_is_scipys_gaussian_of_film_and_mask(deviation: float):
    films, masks = tensors(tissue(0))
    blur = Blur(deviation)

    def blurred(values: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(values, deviation, mode="constant", radius=blur.radius)

    both = [blurred(values.astype(float)) for values in (tissue(0), breast())]
    expected = np.divide(*both, out=np.zeros_like(both[0]), where=breast())
    np.testing.assert_allclose(blur(films, masks)[0, 0], expected, atol=1e-5)


def test_a_flat_breast_stays_flat_up_to_its_rim():
    films, masks = tensors(np.where(breast(), np.float32(0.6), 0))
    np.testing.assert_allclose(Blur(3.0)(films, masks), films, atol=1e-6)


def test_shells_are_scipys_chessboard_distances_below_the_edge():
    _, masks = tensors(tissue(0))
    padded = np.pad(breast(), 64, mode="edge")
    depth = ndimage.distance_transform_cdt(padded, metric="chessboard")[64:-64, 64:-64]
    found = shells(masks, (1, 2, 4))
    for shell, (low, high) in zip(found, [(0, 1), (1, 2), (2, 4), (4, 999)], strict=True):
        np.testing.assert_array_equal(shell[0, 0] > 0, (depth > low) & (depth <= high))
