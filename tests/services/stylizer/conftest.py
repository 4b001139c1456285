"""Phantom-like films, and the tutorial's objective written a second time, with three channels and without batches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from services.stylizer.job import TransferJob
from services.stylizer.network import Trunk
from services.stylizer.weights import TrunkWeights, resolve_weights
from shared.images import Film, Mask
from shared.recipe import Recipe


@pytest.fixture(scope="session")
def weights() -> TrunkWeights:
    return resolve_weights()


@pytest.fixture(scope="session")
def trunk(weights: TrunkWeights) -> Callable[..., Trunk]:
    def make(side: int = 64, dtype: torch.dtype = torch.float32) -> Trunk:
        return Trunk(weights, side, device=torch.device("cpu"), dtype=dtype)

    return make


@pytest.fixture(scope="session")
def breast() -> Callable[..., Mask]:
    """A half ellipse at the left edge, of a size that the seed decides."""

    def make(seed: int, side: int = 64) -> Mask:
        width, height = np.random.default_rng(seed).uniform((0.5, 0.3), (0.9, 0.48))
        rows, columns = (np.mgrid[:side, :side] + 0.5) / side
        return (columns / width) ** 2 + ((rows - 0.5) / height) ** 2 < 1

    return make


@pytest.fixture(scope="session")
def film(breast: Callable[..., Mask]) -> Callable[..., Film]:
    """Smooth random texture of three scales inside the breast, black outside."""

    def make(seed: int, side: int = 64) -> Film:
        random = torch.Generator().manual_seed(seed)
        texture = torch.zeros(1, 1, side, side)
        for scale in (4, 8, 16):
            noise = torch.randn(1, 1, side // scale, side // scale, generator=random)
            texture += functional.interpolate(noise, size=(side, side), mode="bicubic") * scale / 16
        grey = (0.5 + 0.15 * texture[0, 0].numpy()).clip(0.05, 0.95)
        return np.where(breast(seed, side), grey, 0).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def job(film: Callable[..., Film], breast: Callable[..., Mask]) -> Callable[..., TransferJob]:
    """A job from two seeds; other arguments go to the recipe."""

    def make(
        content: int = 1, style: int = 2, side: int = 64, snapshots: tuple[int, ...] = (), **recipe: object
    ) -> TransferJob:
        return TransferJob(
            content=film(content, side),
            style=film(style, side),
            content_mask=breast(content, side),
            style_mask=breast(style, side),
            recipe=Recipe(**recipe),  # type: ignore[arg-type]
            snapshot_steps=snapshots,
        )

    return make


@pytest.fixture(scope="session")
def tutorial(weights: TrunkWeights) -> "type[Tutorial]":
    Tutorial.weights = weights
    return Tutorial


class Tutorial:
    """The objective of the PyTorch tutorial: three channels, normalised by ImageNet's mean and deviation."""

    weights: TrunkWeights

    def __init__(self, content: Film, style: Film, recipe: Recipe) -> None:
        self.recipe = recipe
        self.content_layer = int(recipe.content_layer[-1]) - 1
        self.styled = [int(name[-1]) - 1 for name in recipe.style_layers]
        self.target = self.features(torch.tensor(content, dtype=torch.float64))[self.content_layer]
        self.grams = [self.gram(feature) for feature in self.features(torch.tensor(style, dtype=torch.float64))]

    @classmethod
    def features(cls, film: Tensor) -> list[Tensor]:
        mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1)
        deviation = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
        hidden = ((film.expand(3, *film.shape) - mean) / deviation)[None]
        features = []
        for number, (kernel, bias) in enumerate(zip(cls.weights.kernels, cls.weights.biases, strict=True), start=1):
            hidden = functional.conv2d(hidden, kernel.double(), bias.double(), padding=1)
            features.append(hidden)
            hidden = hidden.relu()
            if number in (2, 4):
                hidden = functional.max_pool2d(hidden, kernel_size=2, stride=2)
        return features

    @staticmethod
    def gram(features: Tensor) -> Tensor:
        a, b, c, d = features.size()
        flat = features.view(a * b, c * d)
        return torch.mm(flat, flat.t()).div(a * b * c * d)

    def __call__(self, film: Tensor) -> Tensor:
        features = self.features(film)
        content = functional.mse_loss(features[self.content_layer], self.target)
        style = sum(functional.mse_loss(self.gram(features[layer]), self.grams[layer]) for layer in self.styled)
        return self.recipe.content_weight * content + self.recipe.style_weight * style


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def threads() -> Callable[[int], object]:
    return torch_threads


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """One thread, as the tests' films are small: threads that wait for each other on busy cores would cost minutes."""
    with torch_threads(1):
        yield
