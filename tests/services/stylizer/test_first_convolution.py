from collections.abc import Callable

import torch
from torch import Tensor

from services.stylizer.first_convolution import FoldedConvolution, SplitConvolution
from services.stylizer.weights import TrunkWeights
from shared.images import Film

CPU = torch.device("cpu")


def gradient(
    convolution: Callable[[torch.Tensor], torch.Tensor], films: torch.Tensor, of: torch.Tensor
) -> torch.Tensor:
    films = films.clone().requires_grad_()
    (found,) = torch.autograd.grad(convolution(films), films, grad_outputs=of.to(convolution(films).dtype))
    return found


def films_of(film: Callable[..., Film]) -> Tensor:
    """Two films, bright at the border, where the folded map differs."""
    return torch.stack([1 - torch.tensor(film(seed, 35)) for seed in (1, 2)])[:, None]


def test_split_features_follow_grey_steps_that_bfloat16_cannot_hold(weights: TrunkWeights) -> None:
    kernels = torch.zeros_like(weights.kernels[0])
    kernels[:, :, 1, 1] = 1
    plain = TrunkWeights(name="plain", sha256="0", kernels=(kernels, *weights.kernels[1:]), biases=weights.biases)
    # Where grey meets ImageNet's mean features are small and finely graded, and the film in bfloat16 has a few values.
    film = torch.linspace(0.445, 0.455, 32 * 32).view(1, 1, 32, 32)
    assert film.to(torch.bfloat16).unique().numel() < 10
    expected = FoldedConvolution(plain, 32, device=CPU, dtype=torch.float64)(film.double())
    found = SplitConvolution(plain, device=CPU)(film)
    assert found[0, 0].unique().numel() > 60
    assert float((found - expected).abs().max()) < 2**-7


def test_split_features_and_gradients_are_the_folded_ones_rounded(
    weights: TrunkWeights, film: Callable[..., Film]
) -> None:
    films = films_of(film)
    folded = FoldedConvolution(weights, 35, device=CPU, dtype=torch.float64)
    split = SplitConvolution(weights, device=CPU)
    expected, found = folded(films.double()), split(films)
    assert found.dtype is torch.bfloat16
    assert float((found - expected).norm() / expected.norm()) < 2**-8
    of = torch.randn(2, 64, 35, 35, generator=torch.Generator().manual_seed(3))
    exact, rounded = gradient(folded, films.double(), of), gradient(split, films, of)
    assert rounded.dtype is torch.float32
    assert float((rounded - exact).norm() / exact.norm()) < 2**-7
