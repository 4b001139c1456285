"""The objective of every film in a batch: weighted content and style losses, and their gradient."""

from dataclasses import dataclass

import torch
from torch import Tensor

from services.stylizer.gram import gram_matrices
from services.stylizer.job import TransferJob
from services.stylizer.layer_masks import LayerMask, layer_masks
from services.stylizer.losses import content_factor, content_losses, style_factor, style_losses
from services.stylizer.network import LEVELS, Trunk
from services.stylizer.targets import TargetCache, mask_tensor
from shared.recipe import LAYERS


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Objectives of a batch at its films.

    Attributes:
        loss: (slots,), content weight x content loss + style weight x style loss.
        content_loss: (slots,), unweighted.
        style_loss: (slots,), unweighted, summed over the style layers.
        gradient: (slots, pixels), of `loss` with respect to the film; zero outside the region.

    """

    loss: Tensor
    content_loss: Tensor
    style_loss: Tensor
    gradient: Tensor


class Objective:
    """One objective a slot, all evaluated together.

    Every slot has its own weight for every layer's content and style loss, so recipes differ freely within a batch. A
    term that a film does not use has the weight zero there: it adds an exact zero and changes no bit.
    An idle slot has zero weights only.
    """

    def __init__(self, trunk: Trunk, slots: int) -> None:
        """Make room for `slots` objectives."""
        self._trunk = trunk
        self._slots = slots
        everywhere = mask_tensor(None, trunk).expand(slots, 1, trunk.side, trunk.side)
        self._inside = everywhere.flatten(start_dim=1) > 0
        self._masks = tuple(LayerMask(level.root.clone(), level.area.clone()) for level in layer_masks(everywhere))
        self._masked = [False] * slots
        self._grams = tuple(self._zeros(channels, channels) for channels in trunk.channels)
        # Content targets are large: a layer gets room when the first film asks for it.
        self._contents: dict[int, Tensor] = {}
        self._content_factors = self._zeros(len(LAYERS))
        self._style_factors = self._zeros(len(LAYERS))
        self._used: list[frozenset[int]] = [frozenset()] * slots
        self._content_weight = self._zeros()
        self._style_weight = self._zeros()

    def place(self, slot: int, job: TransferJob, targets: TargetCache) -> None:
        """Give an idle slot a job's objective. Other slots keep every bit."""
        recipe, trunk = job.recipe, self._trunk
        content_mask, style_mask = job.region_weights
        self._place_mask(slot, mask_tensor(content_mask, trunk))
        self._masked[slot] = content_mask is not None
        layer = LAYERS.index(recipe.content_layer)
        target = targets.content(trunk, job.content, content_mask, layer)
        self._contents.setdefault(layer, self._zeros(*target.shape))[slot] = target
        for grams, gram in zip(self._grams, targets.style(trunk, job.style, style_mask), strict=True):
            grams[slot] = gram
        area = float(self._masks[LEVELS[layer]].area[slot])
        convention, channels = recipe.loss_convention, trunk.channels
        self._content_factors[slot, layer] = content_factor(convention, channels=channels[layer], area=area)
        for name in recipe.style_layers:
            styled = LAYERS.index(name)
            self._style_factors[slot, styled] = style_factor(convention, channels=channels[styled])
        self._used[slot] = frozenset({layer})
        self._content_weight[slot] = recipe.content_weight
        self._style_weight[slot] = recipe.style_weight

    def release(self, slot: int) -> None:
        """Leave a slot idle: its loss and gradient are zero."""
        self._place_mask(slot, mask_tensor(None, self._trunk))
        self._masked[slot] = False
        self._used[slot] = frozenset()
        for values in (self._content_factors, self._style_factors, self._content_weight, self._style_weight):
            values[slot] = 0
        for target in (*self._contents.values(), *self._grams):
            target[slot] = 0

    def evaluate(self, films: Tensor) -> Evaluation:
        """Losses and gradient at films (slots, pixels)."""
        pixels = films.detach().view(self._slots, 1, self._trunk.side, self._trunk.side).requires_grad_()
        content_loss, style_loss = self._losses(self._trunk.features(pixels))
        loss = self._content_weight * content_loss + self._style_weight * style_loss
        (gradient,) = torch.autograd.grad(loss, pixels, grad_outputs=torch.ones_like(loss))
        return Evaluation(
            loss=loss.detach(),
            content_loss=content_loss.detach(),
            style_loss=style_loss.detach(),
            gradient=torch.where(self._inside, gradient.flatten(start_dim=1), 0),
        )

    def _losses(self, features: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Unweighted content and style losses (slots,) from the features of all layers."""
        content_loss, style_loss = self._zeros(), self._zeros()
        used = frozenset[int]().union(*self._used)
        for layer, feature in enumerate(features):
            mask = self._masks[LEVELS[layer]]
            # A weight of one everywhere changes no bit, so it is left out where no film of the batch has a mask.
            inside = feature * mask.root.to(feature.dtype) if any(self._masked) else feature
            if layer in used:
                term = content_losses(inside, self._contents[layer], mask.area)
                content_loss = content_loss + self._content_factors[:, layer] * term
            term = style_losses(gram_matrices(inside, mask.area), self._grams[layer])
            style_loss = style_loss + self._style_factors[:, layer] * term
        return content_loss, style_loss

    def _place_mask(self, slot: int, mask: Tensor) -> None:
        self._inside[slot] = mask.flatten() > 0
        for level, placed in zip(layer_masks(mask), self._masks, strict=True):
            placed.root[slot] = level.root[0]
            placed.area[slot] = level.area[0]

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros((self._slots, *shape), device=self._trunk.device, dtype=self._trunk.dtype)
