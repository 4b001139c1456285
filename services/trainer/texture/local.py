"""Texture from place to place: how each neighbourhood's octaves and brightness stand to the whole breast's."""

import torch
from torch import Tensor, nn

from services.trainer.texture.gaussian import Gaussian
from services.trainer.texture.inside import FAINTEST, Blur, log_amplitude, log_each, mean_inside, per_film

NEIGHBOURHOOD_SHARE = 1 / 24
"""Standard deviation of the Gaussian that a neighbourhood is weighted by, as a share of the film's side."""
_OCTAVES = 4


class Neighbourhoods(nn.Module):
    """Describes each pixel's neighbourhood by its octaves' amplitudes and its brightness, beside the breast's own."""

    def __init__(self, size: int, octaves: int) -> None:
        """Take the films' rows (and columns) in pixels, and how many octaves there are."""
        super().__init__()
        self.around = Blur(max(1.0, size * NEIGHBOURHOOD_SHARE))
        self.octaves = min(octaves, _OCTAVES)

    def forward(self, films: Tensor, masks: Tensor, octaves: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Describe the neighbourhoods of films, (B, 1, S, S) and zero outside their masks, and of their octaves.

        Returns descriptions (B, octaves + 1, S, S), and where they hold, (B, 1, S, S) in {0, 1}: inside the breast,
        where at least half of the neighbourhood is inside too.
        """
        holds = masks * (self.around.spread(masks) >= 0.5).to(masks.dtype)
        descriptions = [
            log_amplitude(self.around(octave**2, masks)) - per_film(log_amplitude(mean_inside(octave**2, masks)))
            for octave in octaves[: self.octaves]
        ]
        mean = per_film(mean_inside(films, masks))
        deviation = per_film(mean_inside((films - mean) ** 2, masks).clamp_min(1e-6).sqrt())
        descriptions.append((self.around(films, masks) - mean) / deviation)
        return torch.cat(descriptions, dim=1), holds


class Oddity(nn.Module):
    """How unlike those of real films the oddest neighbourhoods of a film are, and where they lie."""

    names = ("oddest", "odd_tail", "mean_oddity", "oddity_deviation")

    def __init__(self, gaussian: Gaussian, size: int) -> None:
        """Take the distribution of descriptions in real films, and the films' rows (and columns) in pixels."""
        super().__init__()
        self.gaussian = gaussian
        self.tail = max(4, size * size // 128)

    def forward(self, descriptions: Tensor, holds: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics (B, names), and the map (B, 1, S, S): distance in standard deviations, 0 where nothing holds."""
        distances = self.gaussian.distance(descriptions)[:, None] * holds
        mean = mean_inside(distances, holds)
        spread = mean_inside((distances - per_film(mean)) ** 2, holds)
        tail = distances.flatten(1).topk(self.tail, dim=1).values
        statistics = [tail[:, 0], tail.mean(dim=1), mean, spread.sqrt()]
        return torch.stack([log_each(value.clamp_min(FAINTEST)) for value in statistics], dim=1), distances
