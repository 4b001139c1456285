"""The two gates as they are exported: film and mask in, scores out, standardisation inside."""

import torch
from torch import Tensor, nn

from services.trainer.configuration import Region
from services.trainer.standardisation import PixelStatistics, Standardise


class AnomalyGate(nn.Module):
    """Scores how badly an auto-encoder of real films reconstructs a film."""

    def __init__(self, autoencoder: nn.Module, statistics: PixelStatistics, *, region: Region) -> None:
        """Put standardisation before `autoencoder`, which maps standardised films (B, 1, S, S) to the same."""
        super().__init__()
        self.standardise = Standardise(statistics)
        self.autoencoder = autoencoder
        self.region = region

    def forward(self, film: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Score films.

        `film` float32 (B, 1, S, S) in [0, 1], `mask` float32 (B, 1, S, S) in {0, 1}. Returns the score (B,), the mean
        absolute reconstruction error of standardised pixels over the region, and the reconstruction (B, 1, S, S) in
        film units. With region breast a film whose mask is empty scores NaN: nothing can be said about it.
        """
        standardised = self.standardise(film)
        reconstruction: Tensor = self.autoencoder(standardised)
        weight = mask if self.region is Region.BREAST else torch.ones_like(mask)
        error = ((reconstruction - standardised).abs() * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))
        return error, self.standardise.inverse(reconstruction)


class ClassifierGate(nn.Module):
    """Says how probably a film is malignant."""

    def __init__(self, network: nn.Module, statistics: PixelStatistics) -> None:
        """Put standardisation before `network`, which maps standardised films and masks to one logit each, (B,)."""
        super().__init__()
        self.standardise = Standardise(statistics)
        self.network = network
        self.temperature = 1.0
        """What logits are divided by; set when it has been fitted."""

    def forward(self, film: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Classify films.

        `film` float32 (B, 1, S, S) in [0, 1], `mask` float32 (B, 1, S, S) in {0, 1}. Returns the malignancy logit (B,),
        already divided by the temperature, and its logistic, the probability (B,).
        """
        logit: Tensor = self.network(self.standardise(film), mask)
        if self.temperature != 1.0:
            logit = logit / self.temperature
        return logit, torch.sigmoid(logit)
