"""Classical augmentation: films moved, mirrored and re-exposed a little, their masks with them.

The paper had none. Films are mirrored left to right only: no film shows a breast upside down.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far a film may change; each change is drawn evenly from minus to plus its limit."""

    mirrored: float = 0.5
    """Share of the films that are mirrored left to right."""
    rotation: float = 10.0
    """Degrees."""
    shift: float = 0.05
    """Of the film's side, down and across."""
    scale: float = 0.1
    """Of the size."""
    brightness: float = 0.05
    """Added to pixels in [0, 1] inside the breast."""
    contrast: float = 0.2
    """Of the distance of pixels inside the breast from their mean."""

    def apply(
        self, films: Tensor, masks: Tensor, *, indices: NDArray[np.intp], epoch: int, seed: int
    ) -> tuple[Tensor, Tensor]:
        """Change films in [0, 1] and move their masks in {0, 1} with them, all float32 (B, 1, S, S).

        What happens to a film follows from seed, epoch and its number in `indices` (B,), not from its batch. Outside
        the moved mask films become 0. What a shift uncovers at the picture's edge repeats the edge: a breast stays at
        its chest wall. A film whose breast would leave the picture stays as it is.
        """
        draws = [np.random.default_rng([seed, epoch, int(index)]).random(7) for index in indices]
        drawn = torch.from_numpy(np.stack(draws).astype(np.float32)).to(films.device)
        grid = functional.affine_grid(self._maps(drawn), list(films.shape), align_corners=False)
        moved_masks = functional.grid_sample(masks, grid, mode="nearest", padding_mode="border", align_corners=False)
        moved = functional.grid_sample(films, grid, mode="bilinear", padding_mode="border", align_corners=False)
        exposed = self._expose(moved, moved_masks, drawn)
        stays = moved_masks.sum(dim=(1, 2, 3), keepdim=True) == 0
        return torch.where(stays, films, exposed), torch.where(stays, masks, moved_masks)

    def _maps(self, drawn: Tensor) -> Tensor:
        """From places in the new film to places in the old one, both from -1 to 1: (B, 2, 3)."""
        mirror = torch.where(drawn[:, 0] < self.mirrored, -1.0, 1.0)
        angle = torch.deg2rad(_spread(drawn[:, 1]) * self.rotation)
        size = 1 + _spread(drawn[:, 2]) * self.scale
        across, down = (2 * self.shift * _spread(drawn[:, column]) for column in (3, 4))
        cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
        rows = [torch.stack([mirror * cosine, -sine, across], 1), torch.stack([mirror * sine, cosine, down], 1)]
        return torch.stack(rows, 1)

    def _expose(self, films: Tensor, masks: Tensor, drawn: Tensor) -> Tensor:
        brightness, contrast = (_spread(drawn[:, column]).view(-1, 1, 1, 1) for column in (5, 6))
        mean = (films * masks).sum(dim=(1, 2, 3), keepdim=True) / masks.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
        exposed = mean + (films - mean) * (1 + self.contrast * contrast) + self.brightness * brightness
        return exposed.clamp(0, 1) * masks


def _spread(drawn: Tensor) -> Tensor:
    """From [0, 1) to [-1, 1)."""
    return 2 * drawn - 1
