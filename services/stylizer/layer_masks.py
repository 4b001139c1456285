"""Masks of films brought down to the size of the trunk's layers."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from services.stylizer.network import LEVELS


@dataclass(frozen=True, eq=False)
class LayerMask:
    """How much each position of a layer counts.

    Attributes:
        root: (films, 1, rows, columns), square root of the share of the position that lies inside the mask. Features
            are multiplied by it, so that products of two features are weighed by the share itself.
        area: (films,), sum of the shares: the number of positions that count.

    """

    root: Tensor
    area: Tensor


def layer_masks(masks: Tensor) -> tuple[LayerMask, ...]:
    """Bring masks (films, 1, rows, columns) of 0 and 1 down to each level of pooling, finest first.

    Positions are averaged where the trunk's pooling takes their maximum.
    """
    levels = []
    share = masks
    for level in range(max(LEVELS) + 1):
        if level:
            share = functional.avg_pool2d(share, kernel_size=2)
        levels.append(LayerMask(root=share.sqrt(), area=share.sum(dim=(1, 2, 3))))
    return tuple(levels)
