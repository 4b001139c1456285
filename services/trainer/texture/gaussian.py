"""A Gaussian of real films' statistics, and how far from it a film is."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from torch import Tensor, nn
from torch.nn import functional

from services.trainer.texture.inside import AT_ONCE

LEAST_DEVIATION = 0.01
"""Statistics are logarithms, shares and ratios: real films agree on none of them better than that, but by chance."""


class Gaussian(nn.Module):
    """Mean and covariance, as the affine map that turns the distribution into a standard one."""

    mean: Tensor
    whitening: Tensor

    def __init__(self, mean: NDArray[np.float64], whitening: NDArray[np.float64]) -> None:
        """Take the mean (D,) and a matrix (D, D) W with W'W the inverse of the covariance."""
        super().__init__()
        self.columns = len(mean)
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("whitening", torch.from_numpy(whitening.astype(np.float32)))

    @classmethod
    def fit(cls, samples: NDArray[np.float64]) -> "Gaussian":
        """Fit to samples (n, D), the covariance shrunk by Ledoit and Wolf's rule after columns were standardised.

        A column that hardly varies counts as one of standard deviation `LEAST_DEVIATION`.
        """
        mean, deviation = samples.mean(axis=0), np.maximum(samples.std(axis=0), LEAST_DEVIATION)
        covariance = LedoitWolf(assume_centered=True).fit((samples - mean) / deviation).covariance_
        values, vectors = np.linalg.eigh(covariance)
        whitening = vectors.T / np.sqrt(values)[:, None] / deviation
        return cls(mean, whitening)

    def distance(self, samples: Tensor) -> Tensor:
        """Root of the mean squared whitened deviation: 1 for a usual sample, whatever D.

        `samples` (B, D) or (B, D, H, W); returns (B,) or (B, H, W). Every sum runs along one film's numbers alone: what
        other films the batch holds changes nothing.
        """
        places = (1,) * (samples.dim() - 2)
        # Sums of several numbers at once start at multiples of them: else a film's place in the batch would show.
        spare = 0 if places else -self.columns % AT_ONCE
        whitening = functional.pad(self.whitening, (0, spare, 0, spare))
        deviations = functional.pad(samples - self.mean.view(1, -1, *places), (0, 0) * len(places) + (0, spare))
        whitened = (whitening.view(1, *whitening.shape, *places) * deviations[:, None]).sum(dim=2)
        distance: Tensor = ((whitened**2).sum(dim=1) / self.columns).sqrt()
        return distance
