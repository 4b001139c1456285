import numpy as np
import pytest
import torch
from pytorch_fid.fid_score import calculate_frechet_distance
from torchmetrics.image.fid import FrechetInceptionDistance

from services.evaluator.distances.frechet import frechet_distance


def features(seed: int, films: int, count: int, *, shift: float = 0.0) -> np.ndarray:
    """Correlated features, as those of a network are."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(count, count)) / np.sqrt(count)
    return generator.normal(size=(films, count)) @ mixing + shift


@pytest.mark.filterwarnings("ignore:The `disp` argument is deprecated")  # pytorch-fid's call of scipy
@pytest.mark.parametrize(
    ("films", "count"), [(400, 16), (60, 48), (30, 64)], ids=["many films", "hardly more films", "fewer films"]
)
def test_equals_pytorch_fid(films: int, count: int) -> None:
    ours, theirs = features(1, films, count), features(2, films + 10, count, shift=0.3)
    expected = calculate_frechet_distance(
        *(ours.mean(axis=0), np.cov(ours, rowvar=False), theirs.mean(axis=0), np.cov(theirs, rowvar=False))
    )
    assert frechet_distance(ours, theirs) == pytest.approx(expected, rel=1e-3)


def test_equals_torchmetrics_on_films_through_a_small_net() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 12, 5, stride=3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1))
    net.append(torch.nn.Flatten())
    generator = torch.Generator().manual_seed(1)
    first, second = (torch.rand(80, 3, 20, 20, generator=generator) ** power for power in (1.0, 1.4))
    metric = FrechetInceptionDistance(feature=net, normalize=True, input_img_size=(3, 20, 20))
    metric.update(first, real=True)
    metric.update(second, real=False)
    with torch.no_grad():
        mine = [net(films).double().numpy() for films in (first, second)]
    assert frechet_distance(*mine) == pytest.approx(float(metric.compute()), rel=1e-3)


def test_is_nothing_between_a_set_and_itself_and_grows_with_the_shift() -> None:
    films = features(1, 50, 20)
    assert frechet_distance(films, films) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(films, films + 0.5) == pytest.approx(20 * 0.25)
