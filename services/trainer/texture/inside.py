"""Means, blurring and depth inside a breast mask; what lies outside never counts."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

FAINTEST = 1e-4
"""Least amplitude of anything, in units of full scale: a flat film has a texture too, a faint one.

Floors are clamps, not sums: the ONNX exporter drops the addition of a number as small as 1e-8.
"""
_SPATIAL = (1, 2, 3)
AT_ONCE = 16
"""Numbers that a kernel takes at once, at most."""


def mean_inside(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of `values` over channels, rows and columns, weighted by `weights`; both (B, 1, H, W), returns (B,).

    Zero where the weights are zero everywhere.
    """
    return (values * weights).sum(_SPATIAL) / weights.sum(_SPATIAL).clamp_min(1e-3)


def per_film(values: Tensor) -> Tensor:
    """One number a film, (B,), as it is subtracted from films, (B, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)


def log_each(values: Tensor) -> Tensor:
    """Logarithm of one number a film, (B,).

    Kernels take several numbers at once and round what is left over at the end otherwise; so each number fills a row of
    its own, and its logarithm has the same bits beside whatever others.
    """
    return values[:, None].expand(-1, AT_ONCE).log()[:, 0]


def log_amplitude(energy: Tensor) -> Tensor:
    """Logarithm of the root of an energy (mean square), with a floor of `FAINTEST`; (B,), or a map (B, 1, S, S)."""
    floored = energy.clamp_min(FAINTEST**2)
    return 0.5 * (log_each(floored) if energy.dim() == 1 else floored.log())


class Blur(nn.Module):
    """Gaussian blur that knows nothing of pixels outside the mask: blurred film over blurred mask."""

    taps: Tensor

    def __init__(self, deviation: float) -> None:
        """Take a standard deviation in pixels; the kernel ends at three of them."""
        super().__init__()
        self.radius = max(1, math.ceil(3 * deviation))
        taps = torch.exp(-0.5 * (torch.arange(-self.radius, self.radius + 1) / deviation) ** 2)
        self.register_buffer("taps", taps / taps.sum())

    def spread(self, values: Tensor) -> Tensor:
        """Blur values as they are, (B, 1, S, S); zeros lie outside the square."""
        across = functional.conv2d(values, self.taps.view(1, 1, 1, -1), padding=(0, self.radius))
        return functional.conv2d(across, self.taps.view(1, 1, -1, 1), padding=(self.radius, 0))

    def forward(self, films: Tensor, masks: Tensor) -> Tensor:
        """Blur films, (B, 1, S, S) and zero outside their masks; zero outside them again."""
        return self.spread(films) / self.spread(masks).clamp_min(1e-3) * masks


def shells(masks: Tensor, depths: tuple[int, ...]) -> list[Tensor]:
    """Cut masks (B, 1, S, S) into shells by depth below their edge: to depths[0] pixels, to depths[1], … and the rest.

    Depth is counted in king's moves. Where a mask meets the border of the square it has no edge: the breast goes on.
    """
    remaining, cut = masks, []
    deepest = 0
    for depth in depths:
        inner = remaining
        for _ in range(depth - deepest):
            inner = 1 - functional.max_pool2d(1 - inner, kernel_size=3, stride=1, padding=1)
        cut.append(remaining - inner)
        remaining, deepest = inner, depth
    return [*cut, remaining]
