from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from services.trainer.texture.bands import BandPass
from services.trainer.texture.rim import DEPTHS, Rim
from tests.services.trainer.texture.films import SIZE, breast, tensors, tissue


def measured(film: np.ndarray) -> dict[str, float]:
    films, masks = tensors(film)
    return dict(zip(Rim.names, Rim()(films, masks, BandPass(SIZE)(films, masks))[0].tolist(), strict=True))


def test_steps_of_brightness_are_those_between_shells():
    depth = ndimage.distance_transform_cdt(np.pad(breast(), 64, mode="edge"), metric="chessboard")[64:-64, 64:-64]
    film, found = tissue(0), measured(tissue(0))
    edges = [0, *DEPTHS, 999]
    means = [film[(depth > low) & (depth <= high)].mean() for low, high in pairwise(edges)]
    for number, inner in enumerate(DEPTHS):
        expected = (means[number + 1] - means[number]) / film[breast()].std()
        assert found[f"step_{inner}"] == pytest.approx(expected, abs=1e-3)


def test_a_bright_line_inside_the_edge_shows_as_a_step_and_as_texture():
    film = tissue(0)
    depth = ndimage.distance_transform_cdt(np.pad(breast(), 64, mode="edge"), metric="chessboard")[64:-64, 64:-64]
    seamed = (film + np.where((depth > 0) & (depth <= 2), 0.1, 0)).astype(np.float32)
    assert measured(seamed)["step_2"] < measured(film)["step_2"] - 0.5
    assert measured(seamed)["octave_0_at_1"] > measured(film)["octave_0_at_1"] + 0.2


def test_a_breast_without_deep_shells_is_described_too():
    films, _ = tensors(tissue(0))
    masks = films.new_zeros(films.shape)
    masks[..., 30:34, 30:34] = 1
    assert Rim()(films * masks, masks, BandPass(SIZE)(films * masks, masks)).isfinite().all()
