"""Long straight steps of brightness, which tissue hardly has and pasted patches do."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from services.trainer.texture.inside import FAINTEST, Blur, log_each

LENGTH_SHARE = 1 / 8
"""Length of an edge, as a share of the film's side."""
_PROFILE = (-0.25, 0.0, 1.25, -1.25, 0.0, 0.25)
"""Across the edge: the step between two pixels, less the mean of the four steps beside it: slopes are no edges."""
_DIRECTIONS = ("rows", "columns", "falling", "rising")
_SPATIAL = (1, 2, 3)


class StraightEdges(nn.Module):
    """The strongest straight steps, as they are and beside those around them.

    What is pasted in has edges along two directions at right angles, so the two strongest of such directions count
    together: along rows and columns, and along both diagonals.
    """

    kernels: Tensor
    names = ("upright_step", "upright_contrast", "slanted_step", "slanted_contrast")

    def __init__(self, size: int) -> None:
        """Take the films' rows (and columns) in pixels."""
        super().__init__()
        length = max(4, round(size * LENGTH_SHARE))
        self.register_buffer("kernels", torch.stack([_kernel(direction, length) for direction in _DIRECTIONS]))
        self.around = Blur(length / 4)

    def forward(self, films: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics (B, names), logarithms, and the map (B, 1, S, S) of steps, the strongest of all directions.

        `films` (B, 1, S, S) must be zero outside their masks. Steps whose surroundings lie partly outside are none.
        """
        maps, steps, contrasts = [], [], []
        for kernel in self.kernels[:, None, None]:
            reach = (kernel != 0).to(kernel.dtype)
            inside = functional.conv2d(masks, reach, padding="same") > reach.sum() - 0.5
            strength = functional.conv2d(films, kernel, padding="same").abs() * inside
            around = self.around(strength**2, inside.to(strength.dtype))
            maps.append(strength)
            steps.append(log_each(strength.amax(_SPATIAL).clamp_min(FAINTEST)))
            contrasts.append(log_each((strength / around.clamp_min(FAINTEST**2).sqrt()).amax(_SPATIAL).clamp_min(1e-2)))
        statistics = [values[one] + values[one + 1] for one in (0, 2) for values in (steps, contrasts)]
        return torch.stack(statistics, dim=1), torch.stack(maps).amax(dim=0)


def _kernel(direction: str, length: int) -> Tensor:
    """Kernel (side, side), side odd, of a step whose edge runs along `direction`."""
    side = length + len(_PROFILE) + 1 - length % 2
    kernel = torch.zeros(side, side)
    first = (side - length) // 2
    for along in range(first, first + length):
        for across, weight in enumerate(_PROFILE):
            beside = (side - len(_PROFILE) + 1) // 2 + across
            place = {
                "rows": (beside, along),
                "columns": (along, beside),
                "falling": (along, along + beside - side // 2),
                "rising": (side - 1 - along, along + beside - side // 2),
            }[direction]
            kernel[place] += weight / length
    return kernel
