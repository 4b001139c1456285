"""The networks that an uplift learns with: none is the gate's, none made the films.

A trunk is the convolutional part of a torchvision network up to some stride, pooled inside the breast: mean and
standard deviation of each channel.
"""

import hashlib
import math
import re
from pathlib import Path
from typing import Any
from urllib.error import URLError

import safetensors.torch
import torch
import torchvision
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from services.evaluator.configuration import UpliftNetwork
from services.evaluator.distances.inception import load_inception
from shared.errors import ModelError, WeightsNotFoundError

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_PROBE = 256
"""Side of the empty film by which strides are found out."""
_NOT_CONVOLUTIONAL = ("AuxLogits", "avgpool", "dropout", "fc")


class Trunk(nn.Module):
    """Maps films to pooled features."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: UpliftNetwork, weights: str, *, stride: int | None, enlarge: int | None) -> None:
        """Build a network up to `stride` (None takes all of it), for films that are enlarged to `enlarge` pixels first.

        `weights` are "imagenet" (torchvision's download), "random", drawn from torch's global generator, or a
        safetensors file with torchvision's key names. Raises WeightsNotFoundError when there are none, ModelError when
        they are another network's.
        """
        super().__init__()
        blocks, self.identity = _blocks(network, weights)
        self.blocks = nn.Sequential(*_up_to(blocks, stride))
        self.enlarge = enlarge
        half = network is UpliftNetwork.INCEPTION_V3
        self.register_buffer("mean", torch.tensor((0.5,) * 3 if half else _MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor((0.5,) * 3 if half else _STD).view(1, 3, 1, 1))
        was = self.training
        self.eval()
        with torch.no_grad():
            self.features = 2 * int(self.blocks(torch.zeros(1, 3, _PROBE, _PROBE)).shape[1])
        self.train(was)

    def forward(self, films: Tensor, masks: Tensor) -> Tensor:
        """Features of films in [0, 1] with masks in {0, 1}, both float32 (B, 1, S, S): (B, features)."""
        if self.enlarge is not None:
            size = (self.enlarge, self.enlarge)
            films = functional.interpolate(films, size=size, mode="bilinear", align_corners=False)
        maps = self.blocks((films.expand(-1, 3, -1, -1) - self.mean) / self.std)
        weight = functional.adaptive_avg_pool2d(masks, maps.shape[2:])
        share = weight / weight.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
        mean = (maps * share).sum(dim=(2, 3), keepdim=True)
        deviation = (((maps - mean).square() * share).sum(dim=(2, 3)) + 1e-6).sqrt()
        return torch.cat([mean[:, :, 0, 0], deviation], dim=1)


class TrainedNetwork(nn.Module):
    """A trunk with a malignancy logit on top, all of which is trained."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        self.norm = nn.BatchNorm1d(trunk.features)
        self.head = nn.Linear(trunk.features, 1)

    def forward(self, films: Tensor, masks: Tensor) -> Tensor:
        """Logits (B,) of films and masks as `Trunk` takes them."""
        logits: Tensor = self.head(self.norm(self.trunk(films, masks)))
        return logits[:, 0]


def family(name: str) -> str:
    """Kind of a network: "resnet" of "resnet50"."""
    found = re.match(r"[a-z]+", name.lower())
    return found.group() if found else name


def _blocks(network: UpliftNetwork, weights: str) -> tuple[list[nn.Module], str]:
    """The network's blocks in their order, and what names its weights."""
    if network is UpliftNetwork.INCEPTION_V3 and weights not in ("imagenet", "random"):
        inception = load_inception(weights)
        return _children(inception.network), f"sha256:{inception.sha256}"
    if weights == "imagenet":
        return _children(_download(network)), "imagenet"
    options = {"init_weights": False} if network is UpliftNetwork.INCEPTION_V3 else {}
    built = torchvision.models.get_model(network.value, weights=None, **options)
    if weights == "random":
        return _children(built), "random"
    return _children(built), _load(built, Path(weights), network)


def _children(network: Any) -> list[nn.Module]:
    if hasattr(network, "features"):
        return list(network.features.children())
    return [child for name, child in network.named_children() if name not in _NOT_CONVOLUTIONAL]


def _download(network: UpliftNetwork) -> nn.Module:
    try:
        built: nn.Module = torchvision.models.get_model(network.value, weights="IMAGENET1K_V1", progress=False)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsNotFoundError(
            f"--weights imagenet: torchvision's {network} could not be downloaded: {error}; give a safetensors file "
            "with --weights PATH, let this machine reach torchvision's download site, or take --weights random"
        ) from error
    return built


def _load(network: nn.Module, path: Path, name: UpliftNetwork) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsNotFoundError(
            f"--weights: {path} cannot be read ({error.strerror}): needed is a safetensors file with torchvision's key "
            "names, imagenet or random"
        ) from error
    try:
        weights = safetensors.torch.load(data)
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"--weights: {path} is no safetensors file: {error}") from error
    needed = {key: tensor.shape for key, tensor in network.state_dict().items() if key.startswith("features.")}
    for key, shape in needed.items():
        if key.endswith("num_batches_tracked"):
            continue
        if key not in weights or weights[key].shape != shape:
            found = tuple(weights[key].shape) if key in weights else "none"
            raise ModelError(f"--weights: {path}: found {key} of shape {found}, needed {tuple(shape)}, as in {name}")
    network.load_state_dict({key: weights[key].float() for key in needed if key in weights}, strict=False)
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _up_to(blocks: list[nn.Module], stride: int | None) -> list[nn.Module]:
    """Blocks whose output is not coarser than a stride."""
    if stride is None:
        return blocks
    kept, maps = [], torch.zeros(1, 3, _PROBE, _PROBE)
    with torch.no_grad():
        for block in blocks:
            was = block.training
            maps = block.eval()(maps)
            block.train(was)
            if round(math.log2(_PROBE / maps.shape[2])) > round(math.log2(stride)):
                break
            kept.append(block)
    return kept
