import math

import numpy as np
import pytest
import torch
from torch import nn

from services.trainer.optimisation import BatchDone, batches, constant, cosine_decay, optimise
from shared.errors import NumericalError


def test_a_single_left_over_film_joins_the_batch_before_it():
    assert [len(batch) for batch in batches(np.arange(9), batch_size=4)] == [4, 5]
    assert [len(batch) for batch in batches(np.arange(10), batch_size=4)] == [4, 4, 2]
    assert [len(batch) for batch in batches(np.arange(3), batch_size=4)] == [3]


def test_cosine_decay_begins_and_ends_at_its_rates():
    rate = cosine_decay(0.1, 0.0001)
    assert rate(0) == pytest.approx(0.1)
    assert rate(0.5) == pytest.approx((0.1 + 0.0001) / 2)
    assert rate(1) == pytest.approx(0.0001)


def run(*, gradient_norm: float = math.inf, target: float = 3.0, epochs: int = 2, rate: float = 0.25) -> tuple:
    """Fit one weight to `target` by plain gradient descent, four films in batches of two."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    seen: list[int] = []
    reports: list[BatchDone] = []

    def loss_of(indices: np.ndarray) -> torch.Tensor:
        seen.extend(indices.tolist())
        return (network(torch.ones(1, 1)) - target).square().mean()

    losses = optimise(
        network,
        loss_of,
        optimizer=torch.optim.SGD(network.parameters(), lr=1),
        films=4,
        epochs=epochs,
        batch_size=2,
        seed=5,
        learning_rate=constant(rate),
        gradient_norm=gradient_norm,
        report=reports.append,
    )
    return network.weight.item(), losses, seen, reports


def test_steps_and_mean_losses_are_those_of_gradient_descent_by_hand():
    weight, losses, seen, reports = run()
    # The error halves with each step: 3, 1.5, 0.75, 0.375, then 0.1875.
    assert weight == pytest.approx(3 - 0.1875)
    assert losses == pytest.approx([(9 + 2.25) / 2, (0.5625 + 0.140625) / 2])
    assert sorted(seen[:4]) == sorted(seen[4:]) == [0, 1, 2, 3]
    assert [(done.epoch, done.films, done.learning_rate) for done in reports] == [(1, 2, 0.25)] * 2 + [(2, 2, 0.25)] * 2


def test_long_gradients_are_cut():
    weight, *_ = run(gradient_norm=1.0, epochs=1)
    assert weight == pytest.approx(2 * 0.25, rel=1e-4)


def test_a_loss_that_is_no_longer_finite_stops_the_training():
    with pytest.raises(NumericalError, match="became nan in epoch 1"):
        run(target=float("nan"))
