"""What trajectories aim at: a style's Gram matrices and a content's features, each computed once a film."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeGuard

import numpy as np
import torch
from torch import Tensor

from services.stylizer.gram import gram_matrices
from services.stylizer.layer_masks import LayerMask, layer_masks
from services.stylizer.network import LEVELS, Trunk
from shared.images import Film, Mask

Targets = tuple[Tensor, ...]
Weights = Mask | Film
"""How much each pixel counts: a mask, or float32 in [0, 1]."""


class TargetCache:
    """Targets of the films seen last, bounded in bytes.

    Keyed by the films' pixels and masks, so that a film which serves many trajectories goes through the trunk once.
    """

    def __init__(self, maximum_bytes: int) -> None:
        """Keep at most `maximum_bytes` of targets."""
        self._maximum_bytes = maximum_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, Targets] = OrderedDict()

    def style(self, trunk: Trunk, style: Film, mask: Weights | None) -> Targets:
        """Gram matrices (N, N) of each layer; with a mask, of the part inside."""
        return self._get(f"style:{_key(style, mask)}", lambda: style_targets(trunk, style, mask))

    def content(self, trunk: Trunk, content: Film, mask: Weights | None, layer: int) -> Tensor:
        """Features (N, rows, columns) of one layer; with a mask, multiplied by its root."""
        (features,) = self._get(
            f"content {layer}:{_key(content, mask)}", lambda: (content_target(trunk, content, mask, layer),)
        )
        return features

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def _get(self, key: str, compute: Callable[[], Targets]) -> Targets:
        if key in self._entries:
            self._entries.move_to_end(key)
            return self._entries[key]
        targets = compute()
        self._entries[key] = targets
        self._bytes += _size(targets)
        while self._bytes > self._maximum_bytes and len(self._entries) > 1:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= _size(oldest)
        return targets


def style_targets(trunk: Trunk, style: Film, mask: Weights | None) -> Targets:
    """Gram matrices (N, N) of each layer of one film; with a mask, of the part inside."""
    features, levels = _features(trunk, style, mask)
    grams = []
    for level, feature in zip(LEVELS, features, strict=True):
        grams.append(gram_matrices(feature * levels[level].root.to(feature.dtype), levels[level].area)[0])
    return tuple(grams)


def content_target(trunk: Trunk, content: Film, mask: Weights | None, layer: int) -> Tensor:
    """Features (N, rows, columns) of one layer of one film; with a mask, multiplied by its root."""
    features, levels = _features(trunk, content, mask)
    feature = features[layer]
    return (feature * levels[LEVELS[layer]].root.to(feature.dtype))[0].to(trunk.dtype)


def mask_tensor(mask: Weights | None, trunk: Trunk) -> Tensor:
    """Mask (1, 1, side, side) of 0 to 1 in the trunk's type; all ones where there is none."""
    inside = np.ones((trunk.side, trunk.side), dtype=np.bool_) if mask is None else mask
    return torch.tensor(inside, device=trunk.device, dtype=trunk.dtype)[None, None]


@torch.no_grad()
def _features(trunk: Trunk, film: Film, mask: Weights | None) -> tuple[tuple[Tensor, ...], tuple[LayerMask, ...]]:
    # Always one film alone: what else runs, and how many slots there are, must not change a target's bits.
    films = torch.tensor(film, device=trunk.device, dtype=trunk.dtype)[None, None]
    return trunk.features(films), layer_masks(mask_tensor(mask, trunk))


def _key(film: Film, mask: Weights | None) -> str:
    digest = hashlib.sha256(f"{film.shape}:".encode())
    digest.update(np.ascontiguousarray(film, dtype="<f4").tobytes())
    if mask is not None:
        digest.update(np.packbits(mask).tobytes() if _is_mask(mask) else mask.astype("<f4").tobytes())
    return digest.hexdigest()


def _is_mask(weights: Weights) -> TypeGuard[Mask]:
    return weights.dtype == np.bool_


def _size(targets: Targets) -> int:
    return sum(target.numel() * target.element_size() for target in targets)
