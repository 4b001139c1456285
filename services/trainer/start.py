"""Where the classifier's weights come from: a safetensors file, torchvision's ImageNet download, or chance."""

import hashlib
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from services.trainer.configuration import Backbone
from services.trainer.resnet import build_resnet
from services.trainer.standardisation import PixelStatistics
from shared.errors import ModelError, WeightsNotFoundError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET_STATISTICS = PixelStatistics(mean=sum(IMAGENET_MEAN) / 3, std=sum(IMAGENET_STD) / 3)
"""One mean and deviation for the one channel; `fold_first_convolution` makes up for the difference."""


def starting_network(start: str, backbone: Backbone) -> torchvision.models.ResNet:
    """Build a one-channel ResNet with the weights that `start` names: "random", "imagenet" or a safetensors file.

    The network of "random" takes films standardised by their own statistics, the others by `IMAGENET_STATISTICS`.
    "random" draws from torch's global generator. Raises WeightsNotFoundError when a file or the download is not there,
    ModelError when the file is no safetensors file or holds other weights than `backbone` has.
    """
    network = build_resnet(backbone)
    if start == "random":
        network.conv1 = _one_channel(network.conv1, network.conv1.weight.sum(dim=1, keepdim=True))
        return network
    weights = _download(backbone) if start == "imagenet" else _read(Path(start))
    _load(network, weights, name=start, backbone=backbone)
    fold_first_convolution(network)
    return network


def name_of_start(start: str) -> str:
    """What to call first weights in a model file: no path, but "sha256:" and the hash of a file.

    Raises WeightsNotFoundError when the file is not there.
    """
    if start in ("imagenet", "random"):
        return start
    return f"sha256:{hashlib.sha256(_existing(Path(start)).read_bytes()).hexdigest()}"


def fold_first_convolution(network: torchvision.models.ResNet) -> None:
    """Replace the three-channel first convolution by one for grey films standardised by `IMAGENET_STATISTICS`.

    A grey film g in [0, 1] has x = (g - m) / s with the one mean and deviation, and (g - m_c) / s_c in each channel.
    Σ_c w_c (g - m_c) / s_c = Σ_c w_c s / s_c · x + Σ_c w_c (m - m_c) / s_c: a kernel, and a number that the following
    batch normalisation takes over. Equal but for three pixels at the border, where padding is zero in other units.
    """
    kernel = network.conv1.weight.detach().double()
    means, stds = torch.tensor([IMAGENET_MEAN, IMAGENET_STD], dtype=torch.float64)[:, None, :, None, None]
    folded = (kernel * (IMAGENET_STATISTICS.std / stds)).sum(dim=1, keepdim=True)
    constant = (kernel * ((IMAGENET_STATISTICS.mean - means) / stds)).sum(dim=(1, 2, 3))
    network.conv1 = _one_channel(network.conv1, folded.float())
    running_mean = network.bn1.running_mean
    assert running_mean is not None  # noqa: S101  a batch normalisation of torchvision tracks its statistics
    running_mean -= constant.float()


def _one_channel(convolution: nn.Conv2d, weight: Tensor) -> nn.Conv2d:
    single = nn.Conv2d(1, convolution.out_channels, kernel_size=7, stride=2, padding=3, bias=False)
    single.weight = nn.Parameter(weight.detach().clone())
    return single


def _download(backbone: Backbone) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = torchvision.models.get_model_weights(backbone.value).IMAGENET1K_V1.get_state_dict(
            progress=False, check_hash=True
        )
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsNotFoundError(
            f"--start imagenet: torchvision's {backbone.value} could not be downloaded: {error}; give a safetensors "
            "file with --start PATH, let this machine reach torchvision's download site, or begin with --start random"
        ) from error
    return weights


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise WeightsNotFoundError(
            f"--start: {path} is no file: needed is a safetensors file with torchvision's key names, imagenet or random"
        )
    return path


def _read(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_file(_existing(path))
    except (SafetensorError, OSError) as error:
        raise ModelError(f"--start: {path} is no safetensors file: {error}") from error
    return weights


def _load(network: nn.Module, weights: dict[str, Tensor], *, name: str, backbone: Backbone) -> None:
    """Fill `network` from weights of any floating type; the ImageNet head and batch counters are not needed."""
    needed = {
        key: value.shape
        for key, value in network.state_dict().items()
        if not key.startswith("fc.") and not key.endswith("num_batches_tracked")
    }
    for key, shape in needed.items():
        if key not in weights:
            raise ModelError(f"--start: {name} has no {key}: needed are the weights of torchvision's {backbone.value}")
        if weights[key].shape != shape:
            raise ModelError(
                f"--start: {name} has {key} of shape {tuple(weights[key].shape)}: needed is {tuple(shape)}, "
                f"as in torchvision's {backbone.value}"
            )
    network.load_state_dict({key: weights[key].float() for key in needed}, strict=False)
