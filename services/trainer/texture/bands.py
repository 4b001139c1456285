"""Band-limited texture: how strong, spiky and lop-sided each octave of a film is, and how octaves go together."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from services.trainer.texture.inside import FAINTEST, Blur, log_amplitude, log_each, mean_inside, per_film

FINEST = 0.6
"""Standard deviation of the first blur, in pixels; each further one is twice as wide."""
COARSEST_SHARE = 1 / 12
"""Widest blur, as a share of the film's side."""


class BandPass(nn.Module):
    """Cuts films into octaves: differences of neighbouring blurs, the first against the film itself."""

    def __init__(self, size: int) -> None:
        """Take the films' rows (and columns) in pixels: larger films have more octaves."""
        super().__init__()
        deviations = [FINEST, 2 * FINEST]
        while 2 * deviations[-1] <= COARSEST_SHARE * size:
            deviations.append(2 * deviations[-1])
        self.deviations = tuple(deviations)
        self.blurs = nn.ModuleList(Blur(deviation) for deviation in deviations)

    def forward(self, films: Tensor, masks: Tensor) -> list[Tensor]:
        """Octaves, finest first, each (B, 1, S, S) and zero outside the masks; so must `films` be."""
        levels = [films, *(blur(films, masks) for blur in self.blurs)]
        return [fine - coarse for fine, coarse in pairwise(levels)]


class BandStatistics(nn.Module):
    """What octaves are like all over the breast, and the balance of directions among neighbouring pixels."""

    def __init__(self, octaves: int) -> None:
        """Take the number of octaves."""
        super().__init__()
        each = ("amplitude", "kurtosis", "skewness", "density")
        self.names = (
            *(f"{name}_{octave}" for octave in range(octaves) for name in each),
            *(f"joint_{octave}" for octave in range(octaves - 1)),
            "rows_to_columns",
            "diagonals",
            "axes_to_diagonals",
        )

    def forward(self, films: Tensor, masks: Tensor, octaves: list[Tensor]) -> Tensor:
        """Statistics (B, names) of films, (B, 1, S, S) and zero outside their masks, and of their octaves."""
        columns = [statistic for octave in octaves for statistic in _shape(octave, masks)]
        columns += [_correlation(fine.abs(), coarse.abs(), masks) for fine, coarse in pairwise(octaves)]
        return torch.stack([*columns, *_directions(films, masks)], dim=1)


def _shape(octave: Tensor, masks: Tensor) -> list[Tensor]:
    energy = mean_inside(octave**2, masks).clamp_min(FAINTEST**2)
    return [
        log_amplitude(energy),
        log_each((mean_inside(octave**4, masks) / energy**2).clamp_min(1e-2)),
        torch.asinh(mean_inside(octave**3, masks) / energy**1.5),
        log_each((mean_inside(octave.abs(), masks) / energy.sqrt()).clamp_min(1e-2)),
    ]


def _correlation(one: Tensor, other: Tensor, masks: Tensor) -> Tensor:
    one = one - per_film(mean_inside(one, masks))
    other = other - per_film(mean_inside(other, masks))
    variances = [mean_inside(values**2, masks).clamp_min(FAINTEST**2) for values in (one, other)]
    return mean_inside(one * other, masks) / (variances[0] * variances[1]).sqrt()


def _directions(films: Tensor, masks: Tensor) -> list[Tensor]:
    """Logarithms of ratios between the mean differences of pixels that are neighbours along four directions."""

    def strength(down: int, right: int) -> Tensor:
        both = masks * _shifted(masks, down, right)
        return log_amplitude(mean_inside((films - _shifted(films, down, right)) ** 2, both))

    rows, columns, falling, rising = (strength(*towards) for towards in ((1, 0), (0, 1), (1, 1), (1, -1)))
    return [rows - columns, falling - rising, (rows + columns - falling - rising) / 2]


def _shifted(values: Tensor, down: int, right: int) -> Tensor:
    """Bring to each place what lies `down` rows below and `right` columns beside it, 0 where that is outside."""
    size = values.shape[-1]
    padded = functional.pad(values, (1, 1, 1, 1))
    return padded[..., 1 + down : 1 + down + size, 1 + right : 1 + right + size]
