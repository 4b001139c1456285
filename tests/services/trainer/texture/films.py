"""Phantom films with breast masks for the texture detector's tests."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

SIZE = 64


def breast(size: int = SIZE) -> np.ndarray:
    """A half disc at the left border, bool (size, size)."""
    rows, columns = np.indices((size, size))
    return (rows - size / 2) ** 2 + columns**2 < (0.45 * size) ** 2


def tissue(seed: int, size: int = SIZE) -> np.ndarray:
    """Grey noise of several octaves inside the breast, float32 in [0, 1]."""
    generator = np.random.default_rng([7, seed])
    film = np.full((size, size), generator.uniform(0.35, 0.5))
    for octave in range(4):
        noise = ndimage.gaussian_filter(generator.normal(size=(size, size)), 2**octave / 2)
        film += 0.01 * 1.8**octave * noise / noise.std()
    return np.where(breast(size), film.clip(0, 1), 0).astype(np.float32)


def tensors(*films: np.ndarray) -> tuple[Tensor, Tensor]:
    """Films and their masks, each (B, 1, S, S) float32."""
    stacked = torch.from_numpy(np.stack(films).astype(np.float32))[:, None]
    masks = torch.from_numpy(breast(films[0].shape[0]).astype(np.float32)).expand_as(stacked)
    return stacked, masks
