"""VGG's first convolution on films of one channel, where VGG has three.

A grey film repeated three times and normalised by ImageNet's mean and standard deviation goes through conv_1 as

    sum_c W_c * (x - mean_c) / std_c + b  =  (sum_c W_c / std_c) * x  +  (b - sum_c W_c * mean_c / std_c)

so the three input channels fold into one kernel and a fixed map. The map differs at the border, because the padding is
zero after the normalisation: taps that fall outside carry no share of the mean.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from services.stylizer.weights import TrunkWeights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class FoldedConvolution:
    """The kernel, and the map of the whole side, in the films' own type."""

    def __init__(self, weights: TrunkWeights, side: int, *, device: torch.device, dtype: torch.dtype) -> None:
        """Fold the weights for films of `side` x `side` pixels."""
        black = (-_per_channel(IMAGENET_MEAN) / _per_channel(IMAGENET_STD)).expand(1, 3, side, side)
        # Of the whole side, though three by three positions would hold every case: where films are black the map is all
        # that conv_1 sees, and rounded as VGG rounds it, ties of max pooling are broken, and gradients go, as in VGG.
        map_ = functional.conv2d(black, _exact(weights.kernels[0]), _exact(weights.biases[0]), padding=1)
        self._kernel = _folded_kernel(weights).to(device=device, dtype=dtype)
        self._map = map_.to(device=device, dtype=dtype)

    def __call__(self, films: Tensor) -> Tensor:
        """Features (films, 64, side, side) of films (films, 1, side, side)."""
        return functional.conv2d(films, self._kernel, padding=1) + self._map


class SplitConvolution:
    """Features in bfloat16 of films in float32, whose values bfloat16's eight bits would round to grey steps.

    A film is the sum of two bfloat16 parts with sixteen bits together, and so are the folded kernel and the map's. The
    latter applies to a channel of ones, which ends at the border. Products are summed in float32 within the
    convolution, so that only the result is rounded.
    """

    def __init__(self, weights: TrunkWeights, *, device: torch.device) -> None:
        """Fold the weights for films of any size."""
        coarse, fine = _split(_folded_kernel(weights))
        scaled = _exact(weights.kernels[0]) * _per_channel(IMAGENET_MEAN) / _per_channel(IMAGENET_STD)
        kernels = torch.cat([coarse, coarse, fine, *_split(-scaled.sum(dim=1, keepdim=True))], dim=1)
        self._kernels = kernels.to(device).contiguous(memory_format=torch.channels_last)
        self._bias = weights.biases[0].to(device=device, dtype=torch.bfloat16)

    def __call__(self, films: Tensor) -> Tensor:
        """Features (films, 64, side, side), bfloat16, channels last, of films (films, 1, side, side), float32."""
        features: Tensor = _Split.apply(films, self._kernels, self._bias)
        return features


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, films: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(kernels)
        coarse, fine = _split(films)
        ones = torch.ones_like(coarse)
        parts = torch.cat([coarse, fine, coarse, ones, ones], dim=1)
        return functional.conv2d(parts.contiguous(memory_format=torch.channels_last), kernels, bias, padding=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        # A product of matrices, each tap's share rounded to bfloat16 summed in float32: a convolution towards one
        # channel takes ten times as long.
        (kernels,) = ctx.saved_tensors
        films, channels, rows, columns = gradients[0].shape
        positions = gradients[0].permute(0, 2, 3, 1).reshape(films, rows * columns, channels)
        shares = (positions @ kernels[:, 0].reshape(channels, 9)).transpose(1, 2)
        return functional.fold(shares.float(), (rows, columns), kernel_size=3, padding=1), None, None


def _split(values: Tensor) -> tuple[Tensor, Tensor]:
    """Two parts in bfloat16 whose sum is `values` to sixteen bits."""
    coarse = values.to(torch.bfloat16)
    return coarse, (values - coarse.to(values.dtype)).to(torch.bfloat16)


def _folded_kernel(weights: TrunkWeights) -> Tensor:
    """Kernel (64, 1, 3, 3), float64, on the CPU."""
    return (_exact(weights.kernels[0]) / _per_channel(IMAGENET_STD)).sum(dim=1, keepdim=True)


def _exact(values: Tensor) -> Tensor:
    return values.detach().to(device="cpu", dtype=torch.float64)


def _per_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1)
