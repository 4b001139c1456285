"""The one training loop: films in shuffled batches, epoch after epoch."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.errors import NumericalError


@dataclass(frozen=True)
class BatchDone:
    """What the loop reports after each batch."""

    epoch: int
    """From 1."""
    films: int
    """Films of this batch."""
    loss: float
    """Mean loss of this batch."""
    learning_rate: float
    """That this batch was taken with."""


def optimise(
    network: nn.Module,
    loss_of: Callable[[NDArray[np.intp]], Tensor],
    *,
    optimizer: torch.optim.Optimizer,
    films: int,
    epochs: int,
    batch_size: int,
    seed: int,
    learning_rate: Callable[[float], float],
    gradient_norm: float = math.inf,
    report: Callable[[BatchDone], None] = lambda _: None,
) -> list[float]:
    """Minimise the mean loss over `films` films; returns each epoch's mean training loss.

    `loss_of` gives the mean loss of the films at some indices, `learning_rate` the rate at a share of the training
    done, from 0 at the first step to 1 at the last; longer
    gradients are cut to `gradient_norm`. Raises NumericalError when a loss is not finite.
    """
    generator = np.random.default_rng(seed)
    steps = epochs * sum(1 for _ in batches(np.arange(films), batch_size=batch_size))
    step = 0
    history: list[float] = []
    network.train()
    for epoch in range(1, epochs + 1):
        total = 0.0
        for indices in batches(generator.permutation(films), batch_size=batch_size):
            rate = learning_rate(step / max(steps - 1, 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(indices)
            value = float(loss.detach())
            if not np.isfinite(value):
                raise NumericalError(
                    f"the training loss became {value} in epoch {epoch} at a learning rate of {rate:g}: "
                    "needed is a lower one"
                )
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), gradient_norm)
            optimizer.step()
            step += 1
            total += value * len(indices)
            report(BatchDone(epoch=epoch, films=len(indices), loss=value, learning_rate=rate))
        history.append(total / films)
    network.eval()
    return history


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
