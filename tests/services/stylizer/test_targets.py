from collections.abc import Callable

import pytest
import torch

from services.stylizer import targets
from services.stylizer.network import Trunk
from services.stylizer.targets import TargetCache
from shared.images import Film, Mask


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Films that went through the trunk, one entry each."""
    seen: list[int] = []
    features = Trunk.features

    def counted(self: Trunk, films: torch.Tensor) -> tuple[torch.Tensor, ...]:
        seen.append(len(films))
        return features(self, films)

    monkeypatch.setattr(Trunk, "features", counted)
    return seen


def test_a_film_that_comes_again_is_not_computed_again(
    trunk: Callable[..., Trunk], film: Callable[..., Film], breast: Callable[..., Mask], passes: list[int]
) -> None:
    cache, made = TargetCache(10**8), trunk(32)
    first = cache.style(made, film(1, 32), None)
    assert cache.style(made, film(1, 32).copy(), None) is first
    cache.content(made, film(1, 32), None, 4)
    cache.content(made, film(1, 32), None, 4)
    assert passes == [1, 1]


def test_other_pixels_another_mask_or_another_layer_are_another_target(
    trunk: Callable[..., Trunk], film: Callable[..., Film], breast: Callable[..., Mask], passes: list[int]
) -> None:
    cache, made = TargetCache(10**8), trunk(32)
    nearly = film(1, 32).copy()
    nearly[9, 3] += 1e-6
    for pixels in (film(1, 32), nearly):
        for mask in (None, breast(1, 32), breast(2, 32)):
            cache.style(made, pixels, mask)
            for layer in (3, 4):
                cache.content(made, pixels, mask, layer)
    assert len(passes) == 2 * 3 * 3


def test_the_targets_unused_longest_make_room(
    trunk: Callable[..., Trunk], film: Callable[..., Film], passes: list[int]
) -> None:
    made = trunk(32)
    size = sum(gram.numel() * 4 for gram in targets.style_targets(made, film(1, 32), None))
    cache = TargetCache(2 * size)
    passes.clear()
    for seed in (1, 2, 1, 3, 1, 2):
        cache.style(made, film(seed, 32), None)
    assert len(passes) == 4


def test_content_targets_are_the_features_of_that_layer_inside_the_mask(
    trunk: Callable[..., Trunk], film: Callable[..., Film], breast: Callable[..., Mask]
) -> None:
    made = trunk(32)
    features = made.features(torch.tensor(film(1, 32))[None, None])
    plain = TargetCache(10**8).content(made, film(1, 32), None, 1)
    masked = TargetCache(10**8).content(made, film(1, 32), breast(1, 32), 1)
    assert torch.equal(plain, features[1][0])
    assert torch.equal(masked, features[1][0] * torch.tensor(breast(1, 32)))
