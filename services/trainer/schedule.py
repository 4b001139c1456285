"""What one training does, and when: epochs, batches, rates, which epoch is kept and when to stop."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LAST = "last"
"""Keep the last epoch, as the paper does."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The plan of one training."""

    epochs: int
    """Times that every film is seen, at most."""
    batch_size: int
    seed: int
    """Of the films' order."""
    learning_rate: Callable[[float], float]
    """Rate at a share of the training done, from 0 at the first step to 1 at the last."""
    gradient_norm: float = math.inf
    """Longer gradients are cut to this length."""
    keep: str = LAST
    """Which epoch's weights are kept: the last, or the one with the best of this validation figure."""
    patience: int | None = None
    """Epochs without a better validation figure after which the training ends; None goes on to the end."""

    @property
    def watched(self) -> str | None:
        """The validation figure that decides about keeping and stopping, if one does."""
        if self.keep != LAST:
            return self.keep
        return None if self.patience is None else "validation_loss"


def is_better(figure: str, value: float, than: float) -> bool:
    """Whether a validation figure is better than another value of it: a loss if lower, anything else if higher."""
    return value < than if figure.endswith("loss") else value > than


def batches(indices: NDArray[np.intp], *, batch_size: int) -> Iterator[NDArray[np.intp]]:
    """Cut indices into batches of `batch_size`; a single left-over film joins the batch before it.

    Batch normalisation cannot learn from one film whose last feature map is one pixel.
    """
    stops = list(range(batch_size, len(indices), batch_size))
    if stops and len(indices) - stops[-1] == 1:
        stops.pop()
    yield from np.split(indices, stops)


def cosine_decay(first: float, last: float) -> Callable[[float], float]:
    """Rate that falls from `first` at 0 to `last` at 1 along half a cosine."""
    return lambda share: last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def constant(rate: float) -> Callable[[float], float]:
    """The same rate throughout."""
    return lambda _share: rate
