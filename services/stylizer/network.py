"""The trunk: VGG's first five convolutions on films of one channel."""

import torch
from torch import Tensor
from torch.nn import functional

from services.stylizer.weights import TrunkWeights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

POOLED_AFTER = (False, True, False, True, False)
"""Whether max pooling follows a layer: after conv_2 and conv_4."""

LEVELS = (0, 0, 1, 1, 2)
"""How often each layer's features have been halved in size."""

Features = tuple[Tensor, ...]
"""One tensor (films, channels, rows, columns) a layer, conv_1 to conv_5, before the ReLU."""


class Trunk:
    """Frozen features of films of one size.

    The film has one channel where VGG has three. A grey film repeated three times and normalised by ImageNet's mean and
    standard deviation goes through conv_1 as

        sum_c W_c * (x - mean_c) / std_c + b  =  (sum_c W_c / std_c) * x  +  (b - sum_c W_c * mean_c / std_c)

    so the three input channels fold into one kernel and a fixed map. The map differs at the border, because the padding
    is zero after the normalisation: taps that fall outside carry no share of the mean.
    """

    def __init__(self, weights: TrunkWeights, side: int, *, device: torch.device, dtype: torch.dtype) -> None:
        """Fold conv_1 for films of `side` x `side` pixels."""
        kernel, bias_map = fold_first_convolution(weights, side)
        kernels = (kernel, *weights.kernels[1:])
        self._kernels = tuple(kernel.to(device=device, dtype=dtype) for kernel in kernels)
        self._biases = tuple(bias.to(device=device, dtype=dtype) for bias in weights.biases)
        self._bias_map = bias_map.to(device=device, dtype=dtype)
        self.side = side
        self.device = device
        self.dtype = dtype

    @property
    def channels(self) -> tuple[int, ...]:
        """Number of channels of each layer."""
        return tuple(kernel.shape[0] for kernel in self._kernels)

    def layer_side(self, layer: int) -> int:
        """Rows, and columns, of a layer's features."""
        return self.side >> LEVELS[layer]

    def features(self, films: Tensor) -> Features:
        """Features of films (films, 1, side, side) with values in [0, 1], or somewhat outside while unclamped."""
        convolved = functional.conv2d(films, self._kernels[0], padding=1) + self._bias_map
        features = [convolved]
        for layer in range(1, len(self._kernels)):
            activated = functional.relu(convolved)
            if POOLED_AFTER[layer - 1]:
                activated = functional.max_pool2d(activated, kernel_size=2)
            convolved = functional.conv2d(activated, self._kernels[layer], self._biases[layer], padding=1)
            features.append(convolved)
        return tuple(features)


def fold_first_convolution(weights: TrunkWeights, side: int) -> tuple[Tensor, Tensor]:
    """Kernel (64, 1, 3, 3) and bias map (1, 64, side, side) of the folded conv_1, both float64, on the CPU."""
    mean = torch.tensor(IMAGENET_MEAN, dtype=torch.float64).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, dtype=torch.float64).view(1, 3, 1, 1)
    kernel = weights.kernels[0].detach().to(device="cpu", dtype=torch.float64)
    bias = weights.biases[0].detach().to(device="cpu", dtype=torch.float64)
    # Of the whole side, though three by three positions would hold every case: where films are black the map is all
    # that conv_1 sees, and rounded as VGG rounds it, ties of max pooling are broken, and gradients go, as in VGG.
    black = (-mean / std).expand(1, 3, side, side)
    return (kernel / std).sum(dim=1, keepdim=True), functional.conv2d(black, kernel, bias, padding=1)
