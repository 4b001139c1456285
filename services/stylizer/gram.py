"""Gram matrices of features."""

from typing import Any

import torch
from torch import Tensor


def gram_matrices(features: Tensor, area: Tensor) -> Tensor:
    """Gram matrices (films, N, N) of features (films, N, rows, columns), divided by N x area (films,).

    Gatys et al., Eq. 2, normalised as in the PyTorch tutorial: G = F F^T / (N M) with N channels and M positions. Where
    only a part of the film counts, the features come multiplied by `LayerMask.root`, and M is the part's area.
    The type is that of `area`: features in bfloat16 give matrices in float32.
    """
    if features.dtype is torch.bfloat16:
        products: Tensor = _RoundedProducts.apply(features)
    else:
        vectors = features.flatten(start_dim=2)
        products = torch.bmm(vectors, vectors.transpose(1, 2))
    return products / (features.shape[1] * area).view(-1, 1, 1)


class _RoundedProducts(torch.autograd.Function):
    """F F^T in float32 of bfloat16 features that lie channels last, and the gradient in bfloat16."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        positions = _positions(features)
        if features.is_cuda:
            return torch.bmm(positions.transpose(1, 2), positions, out_dtype=torch.float32)
        # A bfloat16 product rounds its result to eight bits, which is most of what style losses differ by in the end.
        positions = positions.float()
        return torch.bmm(positions.transpose(1, 2), positions)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        films, channels, rows, columns = features.shape
        both_sides = (gradients[0] + gradients[0].transpose(1, 2)).to(features.dtype)
        gradient = torch.bmm(_positions(features), both_sides)
        return gradient.view(films, rows, columns, channels).permute(0, 3, 1, 2)


def _positions(features: Tensor) -> Tensor:
    """Features (films, N, rows, columns) as (films, positions, N), without a copy where they lie channels last."""
    return features.permute(0, 2, 3, 1).flatten(start_dim=1, end_dim=2)
