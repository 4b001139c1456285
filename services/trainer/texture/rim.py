"""The breast's rim: how brightness and fine texture go with the depth below the mask's edge."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from services.trainer.texture.inside import log_amplitude, mean_inside, shells

DEPTHS = (1, 2, 3, 4, 8)
"""Where shells end, in pixels below the mask's edge."""
_OCTAVES = 2


class Rim(nn.Module):
    """Steps of brightness between neighbouring shells, and each shell's fine texture beside the whole breast's."""

    names = (
        *(f"step_{inner}" for inner in DEPTHS),
        *(f"octave_{octave}_at_{depth}" for octave in range(_OCTAVES) for depth in (0, *DEPTHS)),
    )

    def forward(self, films: Tensor, masks: Tensor, octaves: list[Tensor]) -> Tensor:
        """Statistics (B, names) of films, (B, 1, S, S) and zero outside their masks, and of their octaves.

        A shell that a small breast has not says nothing: its step is none, its texture faint.
        """
        cut = shells(masks, DEPTHS)
        mean = mean_inside(films, masks)
        deviation = (mean_inside(films**2, masks) - mean**2).clamp_min(1e-6).sqrt()
        brightness = [mean_inside(films, shell) for shell in cut]
        steps = [(inner - outer) / deviation for outer, inner in pairwise(brightness)]
        textures = [
            log_amplitude(mean_inside(octave**2, shell)) - log_amplitude(mean_inside(octave**2, masks))
            for octave in octaves[:_OCTAVES]
            for shell in cut
        ]
        return torch.stack([*steps, *textures], dim=1)
