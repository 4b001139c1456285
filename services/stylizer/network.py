"""The trunk: VGG's first five convolutions on films of one channel."""

import torch
from torch import Tensor
from torch.nn import functional

from services.stylizer.first_convolution import FoldedConvolution, SplitConvolution
from services.stylizer.weights import TrunkWeights

POOLED_AFTER = (False, True, False, True, False)
"""Whether max pooling follows a layer: after conv_2 and conv_4."""

LEVELS = (0, 0, 1, 1, 2)
"""How often each layer's features have been halved in size."""

Features = tuple[Tensor, ...]
"""One tensor (films, channels, rows, columns) a layer, conv_1 to conv_5, before the ReLU."""


class Trunk:
    """Frozen features of films of one size.

    In float32 and float64 everything has that type. In bfloat16 the features, their gradients and the kernels have it,
    channels last; films, targets, Gram matrices and losses are float32.
    """

    def __init__(self, weights: TrunkWeights, side: int, *, device: torch.device, dtype: torch.dtype) -> None:
        """Prepare the weights for films of `side` x `side` pixels."""
        self.side = side
        self.device = device
        self.feature_dtype = dtype
        self.channels = tuple(kernel.shape[0] for kernel in weights.kernels)
        """Number of channels of each layer."""
        rounded = dtype is torch.bfloat16
        self.dtype = torch.float32 if rounded else dtype
        """Of films, targets and losses."""
        self._first = (
            SplitConvolution(weights, device=device)
            if rounded
            else FoldedConvolution(weights, side, device=device, dtype=dtype)
        )
        layout = torch.channels_last if rounded else torch.contiguous_format
        self._kernels = tuple(
            kernel.to(device=device, dtype=dtype).contiguous(memory_format=layout) for kernel in weights.kernels[1:]
        )
        self._biases = tuple(bias.to(device=device, dtype=dtype) for bias in weights.biases[1:])

    def layer_side(self, layer: int) -> int:
        """Rows, and columns, of a layer's features."""
        return self.side >> LEVELS[layer]

    def features(self, films: Tensor) -> Features:
        """Features of films (films, 1, side, side) with values in [0, 1], or somewhat outside while unclamped."""
        convolved = self._first(films)
        features = [convolved]
        for pooled, kernel, bias in zip(POOLED_AFTER[:-1], self._kernels, self._biases, strict=True):
            activated = functional.relu(convolved)
            if pooled:
                activated = functional.max_pool2d(activated, kernel_size=2)
            convolved = functional.conv2d(activated, kernel, bias, padding=1)
            features.append(convolved)
        return tuple(features)
