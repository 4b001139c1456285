"""Weights of the trunk: where they come from, and which ones they are."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.error import URLError

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from shared.errors import ModelError, WeightsNotFoundError

SHIPPED_FILE = Path(__file__).parent / "weights" / "vgg16-imagenet-conv_1-to-conv_5.safetensors"
VGG19_NAME = "vgg19-imagenet-conv_1-to-conv_5"

_SHAPES = {
    "features.0": (64, 3, 3, 3),
    "features.2": (64, 64, 3, 3),
    "features.5": (128, 64, 3, 3),
    "features.7": (128, 128, 3, 3),
    "features.10": (256, 128, 3, 3),
}
_THREE_WAYS = (
    "give a safetensors file of VGG's first five convolutions as weights path, "
    f"put {SHIPPED_FILE.name} back beside the package, or ask for the trunk vgg19, which torchvision downloads"
)


class TrunkName(StrEnum):
    """A trunk to ask for: the file that ships with the package, or torchvision's VGG19."""

    VGG16 = "vgg16"
    VGG19 = "vgg19"


@dataclass(frozen=True, eq=False)
class TrunkWeights:
    """The first five convolutions of a VGG that was trained on ImageNet, in depth order.

    Attributes:
        name: what the weights are called, the file's name without suffix.
        sha256: hash of the safetensors file; of the downloaded, the hash of the file that `save` would write.
        kernels: five tensors (channels out, channels in, 3, 3), float32; the first takes RGB in ImageNet's
            normalisation.
        biases: five tensors (channels out,), float32.

    """

    name: str
    sha256: str
    kernels: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]


def resolve_weights(*, path: Path | None = None, trunk: TrunkName = TrunkName.VGG16) -> TrunkWeights:
    """Find weights: the path given, else the file that ships with the package, else VGG19 if it was asked for.

    Raises:
        WeightsNotFoundError: if there are none; weights are never random.
        ModelError: if a file holds something else.

    """
    if path is not None:
        return read_weights(path)
    if trunk is TrunkName.VGG19:
        return download_vgg19()
    return read_weights(SHIPPED_FILE)


def read_weights(path: Path) -> TrunkWeights:
    """Read the trunk from a safetensors file with torchvision's key names.

    Raises:
        WeightsNotFoundError: if there is no such file.
        ModelError: if it is no safetensors file, or its tensors have other names, shapes or types.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsNotFoundError(f"trunk weights: found no file {path} ({error.strerror}); {_THREE_WAYS}") from error
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"trunk weights {path}: found no safetensors file ({error})") from error
    return _weights(tensors, name=path.stem, sha256=hashlib.sha256(data).hexdigest(), origin=str(path))


def download_vgg19() -> TrunkWeights:
    """Take torchvision's ImageNet VGG19, from its cache or its download site, and keep the first five convolutions.

    Raises:
        WeightsNotFoundError: if it cannot be downloaded.

    """
    # torchvision takes seconds to import, and only this way of three needs it.
    from torchvision.models import VGG19_Weights  # noqa: PLC0415

    try:
        state = VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        message = f"trunk weights: torchvision could not download VGG19 ({error}); {_THREE_WAYS}"
        raise WeightsNotFoundError(message) from error
    tensors = {f"{key}.{part}": state[f"{key}.{part}"].contiguous() for key in _SHAPES for part in ("weight", "bias")}
    sha256 = hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()
    return _weights(tensors, name=VGG19_NAME, sha256=sha256, origin="torchvision's VGG19")


def _weights(tensors: dict[str, Tensor], *, name: str, sha256: str, origin: str) -> TrunkWeights:
    for key, shape in _SHAPES.items():
        _validate(tensors, f"{key}.weight", shape, origin)
        _validate(tensors, f"{key}.bias", shape[:1], origin)
    return TrunkWeights(
        name=name,
        sha256=sha256,
        kernels=tuple(tensors[f"{key}.weight"] for key in _SHAPES),
        biases=tuple(tensors[f"{key}.bias"] for key in _SHAPES),
    )


def _validate(tensors: dict[str, Tensor], key: str, shape: tuple[int, ...], origin: str) -> None:
    tensor = tensors.get(key)
    if tensor is None:
        raise ModelError(f"trunk weights {origin}: found no tensor {key}, needed it with shape {shape}")
    if tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
        found = f"{tuple(tensor.shape)} of {tensor.dtype}"
        raise ModelError(f"trunk weights {origin}: found {key} with shape {found}, needed {shape} of torch.float32")
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"trunk weights {origin}: found NaN or infinite values in {key}, needed finite ones")
