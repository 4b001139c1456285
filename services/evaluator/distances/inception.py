"""Features of films by Inception v3, of ImageNet or as FID is defined with (the 2015 TensorFlow network).

The latter is torchvision's network with 1,008 classes, borders left out of average pools, and a maximum pool in the
last block. Its weights, brought to torchvision's names, and torchvision's own are told apart by their classes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn
from torchvision.models import Inception3, Inception_V3_Weights
from torchvision.models.inception import InceptionA, InceptionC, InceptionE

from services.evaluator.distances.frechet import Features
from shared.errors import ModelError, WeightsNotFoundError
from shared.images import Film, resize_film

_SIDE = 299
_FID_CLASSES, _IMAGENET_CLASSES = 1008, 1000
_COUNTERS = "num_batches_tracked"
"""What a batch normalisation counts while it learns; some files leave it out."""


class _PoolWithoutBorders:
    """The average pool of a block, taken over what lies within the map."""

    branch_pool: nn.Module

    def _pooled(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.branch_pool(F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False))
        return pooled


class _FidA(_PoolWithoutBorders, InceptionA):  # type: ignore[misc]  # torchvision is untyped
    def _forward(self, x: Tensor) -> list[Tensor]:
        *others, _ = super()._forward(x)
        return [*others, self._pooled(x)]


class _FidC(_PoolWithoutBorders, InceptionC):  # type: ignore[misc]  # torchvision is untyped
    def _forward(self, x: Tensor) -> list[Tensor]:
        *others, _ = super()._forward(x)
        return [*others, self._pooled(x)]


class _FidE(_PoolWithoutBorders, InceptionE):  # type: ignore[misc]  # torchvision is untyped
    def _forward(self, x: Tensor) -> list[Tensor]:
        *others, _ = super()._forward(x)
        return [*others, self._pooled(x)]


class _FidLast(InceptionE):  # type: ignore[misc]
    """The last block, with a maximum pool: a slip of the first implementation that FID is defined with."""

    def _forward(self, x: Tensor) -> list[Tensor]:
        *others, _ = super()._forward(x)
        return [*others, self.branch_pool(F.max_pool2d(x, 3, stride=1, padding=1))]


@dataclass(frozen=True)
class InceptionFeatures:
    """A network that is ready to measure films."""

    network: nn.Module
    name: str
    """"FID Inception" or "torchvision Inception"."""
    sha256: str
    """Of the weights' file."""

    @torch.inference_mode()
    def __call__(self, films: Iterable[Film]) -> Features:
        """Measure films, one after the other: (films, 2048) float64."""
        rows = []
        for film in films:
            grey = torch.from_numpy(resize_film(film, _SIDE, _SIDE)) * 2.0 - 1.0
            rows.append(self.network(grey.expand(1, 3, _SIDE, _SIDE)).double().numpy()[0])
        return np.stack(rows)


def load_inception(source: str) -> InceptionFeatures:
    """Read the network's weights: a safetensors file with torchvision's key names, or torchvision's download.

    Args:
        source: path of a file, or "torchvision".

    Raises:
        WeightsNotFoundError: if there are none.
        ModelError: if the file holds something else.

    """
    weights, sha256 = _download() if source == "torchvision" else _read(Path(source))
    network, name = fill_network(weights, where=f"--inception: {source}")
    return InceptionFeatures(network, name, sha256)


def fill_network(weights: Mapping[str, Tensor], *, where: str) -> tuple[nn.Module, str]:
    """Build the network that weights with torchvision's key names are for; returns it and its name.

    Raises:
        ModelError: if they are another network's, or hold what is no number; the message begins with `where`.

    """
    classes = weights["fc.bias"].shape[0] if "fc.bias" in weights else None
    if classes not in (_FID_CLASSES, _IMAGENET_CLASSES):
        raise ModelError(
            f"{where} has {classes or 'no fc.bias, so no'} classes: needed are weights of Inception v3 "
            f"with torchvision's key names and {_IMAGENET_CLASSES} classes, or FID's with {_FID_CLASSES}"
        )
    network = build_network(fid=classes == _FID_CLASSES)
    needed = {name: tensor.shape for name, tensor in network.state_dict().items() if not name.endswith(_COUNTERS)}
    for name, shape in needed.items():
        if name not in weights or weights[name].shape != shape:
            found = tuple(weights[name].shape) if name in weights else "none"
            raise ModelError(f"{where}: found {name} of shape {found}, needed {tuple(shape)}")
        if not torch.isfinite(weights[name]).all():
            raise ModelError(f"{where}: found NaN or infinite values in {name}, needed finite ones")
    network.load_state_dict({name: weights[name] for name in needed}, strict=False)
    return network, "FID Inception" if classes == _FID_CLASSES else "torchvision Inception"


def build_network(*, fid: bool) -> nn.Module:
    """The network without its classes, weights as they come: (films, 3, 299, 299) in [-1, 1] to (films, 2048)."""
    network: Any = Inception3(
        num_classes=_FID_CLASSES if fid else _IMAGENET_CLASSES, aux_logits=False, init_weights=False
    )
    if fid:
        network.Mixed_5b = _FidA(192, pool_features=32)
        network.Mixed_5c = _FidA(256, pool_features=64)
        network.Mixed_5d = _FidA(288, pool_features=64)
        for block, channels in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
            setattr(network, f"Mixed_{block}", _FidC(768, channels_7x7=channels))
        network.Mixed_7b = _FidE(1280)
        network.Mixed_7c = _FidLast(2048)
    network.fc = nn.Identity()
    eager: nn.Module = network.eval()
    return eager


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsNotFoundError(
            f"--inception: found no file {path} ({error.strerror}); give a safetensors file of Inception v3 with "
            "torchvision's key names (mammosynth convert-inception makes one), or torchvision to download torchvision's"
        ) from error
    try:
        return safetensors.torch.load(data), hashlib.sha256(data).hexdigest()
    except (SafetensorError, ValueError) as error:
        raise ModelError(
            f"--inception: {path} is no safetensors file: {error}; mammosynth convert-inception makes one of a PyTorch "
            "checkpoint"
        ) from error


def _download() -> tuple[dict[str, Tensor], str]:
    try:
        weights = Inception_V3_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsNotFoundError(
            f"--inception: torchvision's Inception v3 could not be downloaded: {error}; give a safetensors file"
        ) from error
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    return tensors, hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()
