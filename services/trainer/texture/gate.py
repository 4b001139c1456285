"""The texture detector as it is exported: film and mask in, score and marked film out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from services.trainer.texture.gaussian import Gaussian
from services.trainer.texture.local import Oddity
from services.trainer.texture.statistics import TextureStatistics

_MARK_WIDTH = 5


@dataclass(frozen=True)
class Limits:
    """Where real films end, all above zero."""

    general: float
    """Distance of general statistics that counts as a score of 1."""
    edges: float
    """Distance of edges that counts as a score of 1."""
    oddity: float
    """Distance of a neighbourhood from which it is marked."""
    step: float
    """Strength of a straight step from which it is marked, in film units."""


class TextureGate(nn.Module):
    """Scores how unlike those of real films a film's statistics are."""

    def __init__(
        self, statistics: TextureStatistics, oddity: Oddity, general: Gaussian, edges: Gaussian, limits: Limits
    ) -> None:
        """Take what is measured, and the distributions and limits of real films."""
        super().__init__()
        self.statistics = statistics
        self.oddity = oddity
        self.general = general
        self.edges = edges
        self.limits = limits

    def forward(self, film: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Score films.

        `film` float32 (B, 1, S, S) in [0, 1], `mask` float32 (B, 1, S, S) in {0, 1}. Returns the score (B,), the larger
        of two distances from real films as shares of their limits, and the marked film (B, 1, S, S): darker where the
        texture is odd or a straight edge stands out, by the limit's share of what was found there. Pixels outside the
        mask change no score. A film whose mask is empty scores NaN: nothing can be said about it.
        """
        described = self.statistics(film, mask, self.oddity)
        distances = torch.stack(
            [
                self.general.distance(described.general) / self.limits.general,
                self.edges.distance(described.edges) / self.limits.edges,
            ]
        )
        nothing = mask.sum(dim=(1, 2, 3)) < 1
        score = torch.where(nothing, torch.full_like(distances[0], float("nan")), distances.amax(dim=0))
        steps = functional.max_pool2d(described.steps, _MARK_WIDTH, stride=1, padding=_MARK_WIDTH // 2) * mask
        shares = [
            limit / values.clamp_min(limit)
            for limit, values in ((self.limits.oddity, described.oddities), (self.limits.step, steps))
        ]
        return score, film * torch.minimum(*shares)
