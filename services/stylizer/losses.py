"""The two losses of style transfer, one number a film.

Both come as means, the PyTorch tutorial's convention. The sums of Gatys et al. are the same numbers times a factor that
depends on the layer only, so a recipe's convention is a factor beside its weights, and recipes of both conventions can
be computed together.
"""

from torch import Tensor

from shared.recipe import LossConvention


def content_losses(features: Tensor, targets: Tensor, area: Tensor) -> Tensor:
    """Mean squared difference (films,) of features and targets, both (films, N, rows, columns), over N x area (films,).

    With a mask both come multiplied by `LayerMask.root`. The loss has the targets' type.
    """
    difference = features.to(targets.dtype) - targets
    return (difference * difference).sum(dim=(1, 2, 3)) / (features.shape[1] * area)


def style_losses(grams: Tensor, targets: Tensor) -> Tensor:
    """Mean squared difference (films,) of normalised Gram matrices, both (films, N, N)."""
    difference = grams - targets
    return (difference * difference).sum(dim=(1, 2)) / (grams.shape[1] * grams.shape[2])


def content_factor(convention: LossConvention, *, channels: int, area: float) -> float:
    """Factor from the mean of N x M squared differences to the convention's content loss.

    Gatys et al., Eq. 1: half the sum, that is N M / 2 times the mean.
    """
    return channels * area / 2 if convention == LossConvention.GATYS else 1.0


def style_factor(convention: LossConvention, *, channels: int) -> float:
    """Factor from the mean over normalised Gram matrices to the convention's style loss of one layer.

    Gatys et al., Eq. 3 with w = 1 in Eq. 4: sum((F F^T - Y Y^T)^2) / (4 N^2 M^2). Divided by N M each, the matrices
    give N^2 / 4 times the mean over their N^2 entries.
    """
    return channels**2 / 4 if convention == LossConvention.GATYS else 1.0
