"""All statistics of a film."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from services.trainer.texture.bands import BandPass, BandStatistics
from services.trainer.texture.edges import StraightEdges
from services.trainer.texture.levels import GreyLevels
from services.trainer.texture.local import Neighbourhoods, Oddity
from services.trainer.texture.rim import Rim


@dataclass(frozen=True)
class Described:
    """What is measured of films."""

    general: Tensor
    """Statistics of grey levels, bands, rim and neighbourhoods, (B, `TextureStatistics.general_names`)."""
    edges: Tensor
    """Statistics of straight edges, (B, `StraightEdges.names`)."""
    oddities: Tensor
    """How odd each pixel's neighbourhood is, (B, 1, S, S), in standard deviations of real ones; 0 where none is."""
    steps: Tensor
    """Strength of straight steps at each pixel, (B, 1, S, S), in film units."""


class TextureStatistics(nn.Module):
    """Grey levels, bands, rim, edges and neighbourhoods of films of one size."""

    def __init__(self, size: int) -> None:
        """Take the films' rows (and columns) in pixels."""
        super().__init__()
        self.size = size
        self.band_pass = BandPass(size)
        octaves = len(self.band_pass.deviations)
        self.levels, self.rim, self.edges = GreyLevels(), Rim(), StraightEdges(size)
        self.bands = BandStatistics(octaves)
        self.neighbourhoods = Neighbourhoods(size, octaves)

    @property
    def general_names(self) -> tuple[str, ...]:
        """What each column of `Described.general` is."""
        groups: dict[str, tuple[str, ...]] = {
            "levels": self.levels.names,
            "bands": self.bands.names,
            "rim": self.rim.names,
            "neighbourhoods": Oddity.names,
        }
        return tuple(f"{group}.{name}" for group, names in groups.items() for name in names)

    def neighbourhoods_of(self, films: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Descriptions (B, D, S, S) of films' neighbourhoods, and where they hold; see `Neighbourhoods`."""
        films = films * masks
        described: tuple[Tensor, Tensor] = self.neighbourhoods(films, masks, self.band_pass(films, masks))
        return described

    def forward(self, films: Tensor, masks: Tensor, oddity: Oddity) -> Described:
        """Measure films, (B, 1, S, S) in [0, 1], inside their masks, (B, 1, S, S) in {0, 1}."""
        films = films * masks
        octaves = self.band_pass(films, masks)
        neighbourhoods, oddities = oddity(*self.neighbourhoods(films, masks, octaves))
        general = [self.levels(films, masks), self.bands(films, masks, octaves), self.rim(films, masks, octaves)]
        edges, steps = self.edges(films, masks)
        return Described(torch.cat([*general, neighbourhoods], dim=1), edges, oddities, steps)
