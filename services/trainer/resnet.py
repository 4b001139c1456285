"""The classifier's network: a one-channel ResNet whose pooled features carry one malignancy logit."""

import math
from collections.abc import Sequence

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from services.trainer.configuration import Backbone, Stage

STAGES = tuple(stage.value for stage in Stage)
STRONGEST_SHARE = 0.005
"""Share of the places of a map that count as its strongest: 5 of the 32 x 32 that a film of 256 pixels has in layer2,
some 2 % of a breast."""


def build_resnet(backbone: Backbone) -> torchvision.models.ResNet:
    """Build torchvision's three-channel ResNet with fresh weights, drawn from torch's global generator."""
    network: torchvision.models.ResNet = getattr(torchvision.models, backbone.value)(weights=None)
    return network


class PooledResNet(nn.Module):
    """Maps standardised one-channel films to pooled features of some stages."""

    def __init__(
        self,
        network: torchvision.models.ResNet,
        *,
        stages: Sequence[str] = ("layer4",),
        masked: bool = False,
        deviations: bool = False,
        strongest: bool = False,
        input_size: int | None = None,
    ) -> None:
        """Take over the convolutional part of a torchvision ResNet whose first convolution has one channel.

        `stages` are the stages whose outputs are pooled, side by side; `masked` pools inside the breast mask instead of
        over the whole film; `deviations` adds each channel's standard deviation to its mean, `strongest` the mean of
        its strongest places, where a small lesion is not averaged away; `input_size` is what films are enlarged to
        first, None leaves them as they are.
        """
        super().__init__()
        if network.conv1.in_channels != 1:
            raise ValueError(f"the first convolution takes {network.conv1.in_channels} channels: needed is one")
        depth = 1 + max(STAGES.index(stage) for stage in stages)
        self.stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        self.stages = nn.ModuleList(getattr(network, stage) for stage in STAGES[:depth])
        self.pooled = tuple(stage in stages for stage in STAGES[:depth])
        self.masked = masked
        self.deviations = deviations
        self.strongest = strongest
        self.input_size = input_size
        widths = [_width(stage) for stage, pooled in zip(self.stages, self.pooled, strict=True) if pooled]
        self.features = sum(widths) * (1 + deviations + strongest)

    def forward(self, films: Tensor, masks: Tensor) -> Tensor:
        """Features of standardised films, float32 (B, 1, S, S), with masks in {0, 1} of that shape: (B, features)."""
        if self.input_size is not None:
            size = (self.input_size, self.input_size)
            films = functional.interpolate(films, size=size, mode="bilinear", align_corners=False)
            masks = functional.interpolate(masks, size=size, mode="nearest")
        maps = self.stem(films)
        weight = _halve(_halve(masks if self.masked else torch.ones_like(masks)))
        features: list[Tensor] = []
        for index, (stage, pooled) in enumerate(zip(self.stages, self.pooled, strict=True)):
            maps = stage(maps)
            weight = weight if index == 0 else _halve(weight)
            if pooled:
                features += self._pool(maps, weight)
        return torch.cat(features, dim=1)

    def _pool(self, maps: Tensor, weight: Tensor) -> list[Tensor]:
        share = weight / weight.sum(dim=(2, 3), keepdim=True).clamp_min(1e-6)
        mean = (maps * share).sum(dim=(2, 3), keepdim=True)
        pooled = [mean[:, :, 0, 0]]
        if self.deviations:
            pooled.append((((maps - mean).square() * share).sum(dim=(2, 3)) + 1e-6).sqrt())
        if self.strongest:
            places = math.ceil(STRONGEST_SHARE * maps.shape[2] * maps.shape[3])
            inside = (maps * (weight >= 0.5)).flatten(2)  # activations are 0 or more, so that places outside come last
            pooled.append(inside.topk(places, dim=2).values.mean(dim=2))
        return pooled


class Classifier(nn.Module):
    """Pooled features and a linear head."""

    def __init__(self, trunk: PooledResNet) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(trunk.features, 1)

    def forward(self, films: Tensor, masks: Tensor) -> Tensor:
        """Malignancy logits, float32 (B,), of standardised films and masks, both float32 (B, 1, S, S)."""
        logits: Tensor = self.head(self.trunk(films, masks))
        return logits[:, 0]


def _halve(weight: Tensor) -> Tensor:
    """Bring a mask's weights to the next coarser map: as large as what a stride of two leaves of any size."""
    return functional.avg_pool2d(weight, kernel_size=3, stride=2, padding=1, count_include_pad=False)


def _width(stage: nn.Module) -> int:
    return [module for module in stage.modules() if isinstance(module, nn.BatchNorm2d)][-1].num_features
