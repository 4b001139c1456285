import pytest
import torch

from services.trainer.configuration import Backbone
from services.trainer.resnet import Classifier, PooledResNet, build_resnet
from services.trainer.start import starting_network


def trunk(**options: object) -> PooledResNet:
    torch.manual_seed(0)
    return PooledResNet(starting_network("random", Backbone.RESNET18), **options).eval()


def films(size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(2, 1, size, size)
    masks[:, :, :, : size // 2] = 1
    return torch.randn(2, 1, size, size, generator=generator), masks


def test_unmasked_means_of_the_last_stage_are_torchvisions_features():
    torch.manual_seed(0)
    network = starting_network("random", Backbone.RESNET18).eval()
    pooled = PooledResNet(network).eval()
    network.fc = torch.nn.Identity()
    with torch.inference_mode():
        torch.testing.assert_close(pooled(*films()), network(films()[0]))


def test_masked_means_and_deviations_by_hand():
    pooled = trunk(stages=("layer1",), masked=True, deviations=True)
    film, mask = films()
    with torch.inference_mode():
        maps = pooled.stages[0](pooled.stem(film))
        found = pooled(film, mask)
    # Columns 0-3 of 8 lie inside; the fifth still sees four ninths of the mask through two halvings.
    weight = torch.tensor([1.0, 1, 1, 1, 4 / 9, 0, 0, 0]).expand(8, 8)
    mean = (maps * weight).sum((2, 3)) / weight.sum()
    square = (maps.square() * weight).sum((2, 3)) / weight.sum()
    torch.testing.assert_close(found[:, :64], mean, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[:, 64:], (square - mean.square()).sqrt(), atol=1e-3, rtol=1e-3)


def test_strongest_places_inside_the_mask_by_hand():
    pooled = trunk(stages=("layer1",), masked=True, strongest=True)
    film, mask = films(size=80)
    with torch.inference_mode():
        maps = pooled.stages[0](pooled.stem(film))
        found = pooled(film, mask)
    # Two of 20 x 20 places, from the left half: column 10 sees four ninths of the mask, which is less than half.
    inside = maps[:, :, :, :10].flatten(2).sort(dim=2, descending=True).values
    assert found.shape == (2, 128)
    torch.testing.assert_close(found[:, 64:], inside[:, :, :2].mean(dim=2))


def test_stages_stand_side_by_side():
    both = trunk(stages=("layer1", "layer2"), deviations=True)
    with torch.inference_mode():
        found = both(*films())
        first = trunk(stages=("layer1",), deviations=True)(*films())
    assert found.shape == (2, both.features) == (2, 2 * (64 + 128))
    torch.testing.assert_close(found[:, :128], first)


def test_films_of_any_size_are_pooled_inside_their_mask():
    with torch.inference_mode():
        assert torch.isfinite(trunk(masked=True)(*films(size=50))).all()


def test_enlarging_inside_the_network_equals_enlarging_before_it():
    film, mask = films()
    larger = torch.nn.functional.interpolate(film, size=(48, 48), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        torch.testing.assert_close(trunk(input_size=48)(film, mask), trunk()(larger, torch.ones(2, 1, 48, 48)))


def test_a_network_of_three_channels_is_refused():
    with pytest.raises(ValueError, match="takes 3 channels: needed is one"):
        PooledResNet(build_resnet(Backbone.RESNET18))


def test_logits_are_the_heads_of_the_features():
    classifier = Classifier(trunk()).eval()
    with torch.inference_mode():
        logits = classifier(*films())
        expected = classifier.trunk(*films()) @ classifier.head.weight[0] + classifier.head.bias
    assert logits.shape == (2,)
    torch.testing.assert_close(logits, expected)
