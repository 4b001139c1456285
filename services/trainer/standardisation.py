"""The affine map from pixels to the units that a network learns in; it travels inside the exported graph."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from services.trainer.films import FilmSet
from shared.errors import DatasetError
from shared.images import from_uint16


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of film pixels in [0, 1]. Raises ValueError when `std` is not above zero."""

    mean: float
    std: float

    def __post_init__(self) -> None:
        """Check that pixels can be divided by the standard deviation."""
        if not (np.isfinite(self.mean) and np.isfinite(self.std) and self.std > 0):
            raise ValueError(f"mean {self.mean} and standard deviation {self.std} cannot standardise pixels")


def breast_statistics(films: FilmSet) -> PixelStatistics:
    """Mean and standard deviation of all pixels inside the breast masks of `films`.

    Raises DatasetError when no pixel is inside a mask or all of them are equal.
    """
    counts = np.zeros(65536, dtype=np.int64)
    for pixels, mask in zip(films.pixels, films.masks, strict=True):
        counts += np.bincount(pixels[mask], minlength=65536)
    values = from_uint16(np.arange(65536, dtype=np.uint16)).astype(np.float64)
    total = int(counts.sum())
    mean = float(counts @ values / total) if total else 0.0
    std = float(np.sqrt(counts @ (values - mean) ** 2 / total)) if total else 0.0
    if std == 0.0:
        raise DatasetError(
            f"the training films have {total} pixels inside their breast masks, standard deviation {std}: "
            "needed are masks that hold pixels of different brightness"
        )
    return PixelStatistics(mean, std)


class Standardise(nn.Module):
    """(pixels - mean) / std, with both as constants of the graph."""

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: PixelStatistics) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(statistics.mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(statistics.std, dtype=torch.float32))

    def forward(self, films: Tensor) -> Tensor:
        """Bring films in [0, 1] to standardised units, any shape."""
        return (films - self.mean) / self.std

    def inverse(self, standardised: Tensor) -> Tensor:
        """Bring standardised pixels back to film units; not clamped to [0, 1]."""
        return standardised * self.std + self.mean
