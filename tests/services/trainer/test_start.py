from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file

from services.trainer.configuration import Backbone
from services.trainer.standardisation import Standardise
from services.trainer.start import IMAGENET_MEAN, IMAGENET_STATISTICS, IMAGENET_STD, starting_network
from shared.errors import ModelError, WeightsNotFoundError


@pytest.fixture(scope="module")
def colour_network() -> torchvision.models.ResNet:
    """A three-channel ResNet-18 with weights and batch statistics that are all its own."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None)
    with torch.no_grad():
        network.train()(torch.rand(4, 3, 64, 64))
    return network.eval()


@pytest.fixture(scope="module")
def weights_file(colour_network: torchvision.models.ResNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its weights, without the counters that other tools leave out."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    state = {key: value for key, value in colour_network.state_dict().items() if "num_batches" not in key}
    save_file(state, path)
    return path


def test_folded_first_convolution_equals_three_channels_away_from_the_border(
    colour_network: torchvision.models.ResNet, weights_file: Path
):
    network = starting_network(str(weights_file), Backbone.RESNET18).eval()
    film = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(values)[None, :, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.inference_mode():
        expected = colour_network.bn1(colour_network.conv1((film.expand(-1, 3, -1, -1) - mean) / std))
        found = network.bn1(network.conv1(Standardise(IMAGENET_STATISTICS)(film)))
    torch.testing.assert_close(found[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-5, rtol=1e-5)


def test_half_precision_kernels_are_taken_as_they_are(weights_file: Path, tmp_path: Path):
    half = {key: value.half() if value.ndim == 4 else value for key, value in load_file(weights_file).items()}
    save_file(half, tmp_path / "half.safetensors")
    network = starting_network(str(tmp_path / "half.safetensors"), Backbone.RESNET18)
    assert network.layer1[0].conv1.weight.dtype == torch.float32
    torch.testing.assert_close(network.layer1[0].conv1.weight, half["layer1.0.conv1.weight"].float())


def test_random_weights_follow_the_seed():
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(starting_network("random", Backbone.RESNET18).layer4[1].conv2.weight)
    assert torch.equal(networks[0], networks[1])
    assert not torch.equal(networks[0], networks[2])


def test_a_start_that_is_no_file_names_all_ways():
    with pytest.raises(
        WeightsNotFoundError, match=r"nowhere is no file: needed is a safetensors file .* imagenet or random"
    ):
        starting_network("nowhere", Backbone.RESNET50)


def test_a_file_of_another_format_is_refused(tmp_path: Path):
    (tmp_path / "weights.pt").write_bytes(b"not safetensors at all")
    with pytest.raises(ModelError, match="no safetensors file"):
        starting_network(str(tmp_path / "weights.pt"), Backbone.RESNET50)


def test_weights_of_another_network_are_refused_by_key(weights_file: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="torchvision's resnet50"):
        starting_network(str(weights_file), Backbone.RESNET50)
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "vgg.safetensors")
    with pytest.raises(ModelError, match=r"has no conv1\.weight"):
        starting_network(str(tmp_path / "vgg.safetensors"), Backbone.RESNET50)


def test_a_download_that_fails_names_all_ways(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(WeightsNotFoundError, match=r"no route to host.*--start PATH.*--start random"):
        starting_network("imagenet", Backbone.RESNET50)
