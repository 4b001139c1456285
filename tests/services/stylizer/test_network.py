from collections.abc import Callable

import pytest
import torch

from services.stylizer.network import Trunk
from shared.images import Film


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        pytest.param(torch.float32, 1e-5, id="float32"),
        pytest.param(torch.float64, 1e-12, id="float64"),
        pytest.param(torch.bfloat16, 2e-2, id="bfloat16"),
    ],
)
@pytest.mark.parametrize("side", [32, 35])
def test_the_folded_trunk_gives_the_features_of_the_three_channel_network_border_included(
    trunk: Callable[..., Trunk],
    tutorial: type,
    film: Callable[..., Film],
    dtype: torch.dtype,
    tolerance: float,
    side: int,
) -> None:
    # White at the border: there the mean's share of conv_1 differs from that in the middle.
    pixels = 1 - torch.tensor(film(3, side), dtype=torch.float64)
    expected = tutorial.features(pixels)
    made = trunk(side, dtype)
    found = made.features(pixels.to(made.dtype)[None, None])
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, dtype)
        assert float((ours - theirs).abs().max() / theirs.abs().max()) < tolerance


def test_features_are_taken_before_the_relu(trunk: Callable[..., Trunk], film: Callable[..., Film]) -> None:
    for features in trunk(32).features(torch.tensor(film(1, 32))[None, None]):
        assert features.min() < 0


def test_layers_have_the_sizes_and_channels_that_the_trunk_says(trunk: Callable[..., Trunk]) -> None:
    made = trunk(35)
    features = made.features(torch.zeros(2, 1, 35, 35))
    assert (
        [feature.shape[2] for feature in features]
        == [made.layer_side(layer) for layer in range(5)]
        == [35, 35, 17, 17, 8]
    )
    assert tuple(feature.shape[1] for feature in features) == made.channels == (64, 64, 128, 128, 256)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_weight_asks_for_a_gradient(trunk: Callable[..., Trunk], dtype: torch.dtype) -> None:
    assert not any(feature.requires_grad for feature in trunk(32, dtype).features(torch.zeros(1, 1, 32, 32)))
