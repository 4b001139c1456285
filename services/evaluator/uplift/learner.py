"""The one training loop of all arms: so many updates on batches drawn from an arm, the best watched state kept."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from services.evaluator.uplift.arms import Indices, TrainingSet
from shared.errors import NumericalError
from shared.roc import area_under_curve

Scores = NDArray[np.float64]
Show = Callable[[Indices, int, np.random.Generator | None], tuple[Tensor, ...]]
"""What a network takes of some films in some update; augmented by a generator, or as they are by None."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every arm may spend."""

    updates: int
    batch_size: int
    learning_rate: float
    """At the first update; falls to 0 along half a cosine."""
    weight_decay: float
    watches: int
    """Times that the validation films are scored; the state with the highest area under the curve is kept."""


@dataclass(frozen=True)
class Learnt:
    """What one fit came to."""

    validation_auc: float
    kept_update: int
    test_scores: Scores


def draw(training: TrainingSet, count: int, generator: np.random.Generator) -> Indices:
    """Draw films of a batch with replacement: from all films evenly, or half of them from either class."""
    if not training.balanced:
        return generator.choice(training.films, size=count)
    malignant = np.concatenate([training.malignant, training.added])
    halves = (generator.choice(training.benign, size=count // 2), generator.choice(malignant, size=count - count // 2))
    return np.concatenate(halves)


def fit(
    network: nn.Module,
    training: TrainingSet,
    show: Show,
    malignant: NDArray[np.bool_],
    *,
    validation: Indices,
    test: Indices,
    budget: Budget,
    seed: int,
) -> Learnt:
    """Train a network that has its first weights; equal seeds draw equal films.

    Raises NumericalError when the loss is no longer finite.
    """
    generator = np.random.default_rng([seed, 3])
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=budget.learning_rate, weight_decay=budget.weight_decay, foreach=False
    )
    every = max(budget.updates // budget.watches, 1)
    best, kept_update, kept = -math.inf, 0, copy.deepcopy(network.state_dict())
    for update in range(1, budget.updates + 1):
        network.train()
        rate = budget.learning_rate * (1 + math.cos(math.pi * (update - 1) / budget.updates)) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate
        films = draw(training, budget.batch_size, generator)
        inputs = show(films, update, generator if training.augmented else None)
        truth = torch.from_numpy(malignant[films].astype(np.float32)).to(inputs[0].device)
        loss = functional.binary_cross_entropy_with_logits(network(*inputs), truth)
        if not torch.isfinite(loss):
            raise NumericalError(
                f"the loss became {float(loss.detach())} at update {update}: needed is a lower --learning-rate"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if update % every == 0 or update == budget.updates:
            area = area_under_curve(malignant[validation], scores(network, show, validation, budget.batch_size))
            if area > best:
                best, kept_update, kept = area, update, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return Learnt(best, kept_update, scores(network, show, test, budget.batch_size))


def scores(network: nn.Module, show: Show, films: Indices, batch_size: int) -> Scores:
    """Logits (n,) of films as they are."""
    network.eval()
    found = np.empty(len(films))
    with torch.inference_mode():
        for first in range(0, len(films), batch_size):
            inputs = show(films[first : first + batch_size], 0, None)
            found[first : first + batch_size] = network(*inputs).double().cpu().numpy()
    return found
