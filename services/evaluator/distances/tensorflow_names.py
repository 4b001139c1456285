"""Names of FID's Inception v3 in the 2015 TensorFlow graph, brought to torchvision's.

A layer there has weights, and a batch normalisation without scale: `beta`, `mean`, `var`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_STEM = {"conv": "1a_3x3", "conv_1": "2a_3x3", "conv_2": "2b_3x3", "conv_3": "3b_1x1", "conv_4": "4a_3x3"}
_A = {
    "conv": "1x1",
    "tower.conv": "5x5_1",
    "tower.conv_1": "5x5_2",
    "tower_1.conv": "3x3dbl_1",
    "tower_1.conv_1": "3x3dbl_2",
    "tower_1.conv_2": "3x3dbl_3",
    "tower_2.conv": "_pool",
}
_B = {"conv": "3x3", "tower.conv": "3x3dbl_1", "tower.conv_1": "3x3dbl_2", "tower.conv_2": "3x3dbl_3"}
_C = {
    "conv": "1x1",
    "tower.conv": "7x7_1",
    "tower.conv_1": "7x7_2",
    "tower.conv_2": "7x7_3",
    "tower_1.conv": "7x7dbl_1",
    "tower_1.conv_1": "7x7dbl_2",
    "tower_1.conv_2": "7x7dbl_3",
    "tower_1.conv_3": "7x7dbl_4",
    "tower_1.conv_4": "7x7dbl_5",
    "tower_2.conv": "_pool",
}
_D = {
    "tower.conv": "3x3_1",
    "tower.conv_1": "3x3_2",
    "tower_1.conv": "7x7x3_1",
    "tower_1.conv_1": "7x7x3_2",
    "tower_1.conv_2": "7x7x3_3",
    "tower_1.conv_3": "7x7x3_4",
}
_E = {
    "conv": "1x1",
    "tower_conv": "3x3_1",
    "tower_mixed_conv": "3x3_2a",
    "tower_mixed_conv_1": "3x3_2b",
    "tower_1_conv": "3x3dbl_1",
    "tower_1_conv_1": "3x3dbl_2",
    "tower_1_mixed_conv": "3x3dbl_3a",
    "tower_1_mixed_conv_1": "3x3dbl_3b",
    "tower_2_conv": "_pool",
}
_BLOCKS = {
    "mixed": ("5b", _A),
    "mixed_1": ("5c", _A),
    "mixed_2": ("5d", _A),
    "mixed_3": ("6a", _B),
    "mixed_4": ("6b", _C),
    "mixed_5": ("6c", _C),
    "mixed_6": ("6d", _C),
    "mixed_7": ("6e", _C),
    "mixed_8": ("7a", _D),
    "mixed_9": ("7b", _E),
    "mixed_10": ("7c", _E),
}

LAYERS = {
    **{name: f"Conv2d_{own}" for name, own in _STEM.items()},
    **{
        f"{block}.{name}": f"Mixed_{own}.branch{branch}"
        for block, (own, branches) in _BLOCKS.items()
        for name, branch in branches.items()
    },
}
"""torchvision's name of each layer, by the graph's."""
CLASSES = 1008
"""Of the graph; the layer that tells them is not needed for features, but tells the network."""


def rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring weights from the graph's names, below whatever prefix, to torchvision's; empty where they are no such."""
    prefix = next((name.removesuffix("conv.weight") for name in tensors if name.endswith("layers.conv.weight")), "")
    found: dict[str, Tensor] = {}
    for name, own in LAYERS.items():
        layer = [tensors.get(f"{prefix}{name}.{part}") for part in ("weight", "beta", "mean", "var")]
        weight, beta, mean, variance = layer
        if weight is None or beta is None or mean is None or variance is None:
            return {}
        found[f"{own}.conv.weight"] = weight
        found[f"{own}.bn.weight"] = torch.ones_like(beta)
        found[f"{own}.bn.bias"] = beta
        found[f"{own}.bn.running_mean"] = mean
        found[f"{own}.bn.running_var"] = variance
    return found | {"fc.bias": torch.zeros(CLASSES)}
