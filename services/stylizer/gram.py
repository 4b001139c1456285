"""Gram matrices of features."""

import torch
from torch import Tensor


def gram_matrices(features: Tensor, area: Tensor) -> Tensor:
    """Gram matrices (films, N, N) of features (films, N, rows, columns), divided by N x area (films,).

    Gatys et al., Eq. 2, normalised as in the PyTorch tutorial: G = F F^T / (N M) with N channels and M positions. Where
    only a part of the film counts, the features come multiplied by `LayerMask.root`, and M is the part's area.
    """
    vectors = features.flatten(start_dim=2)
    return torch.bmm(vectors, vectors.transpose(1, 2)) / (vectors.shape[1] * area).view(-1, 1, 1)
