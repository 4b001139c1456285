import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from services.trainer.checkpoint import CheckpointFile, TrainingFolder
from services.trainer.optimisation import Training
from services.trainer.schedule import Schedule, constant, cosine_decay
from shared.errors import NumericalError, RefusedRunError


def one_weight(*, target: float = 3.0, validated: Callable[[float], float] | None = None, **schedule: Any) -> Training:
    """Fit one weight to `target` by plain gradient descent at rate 0.25, four films in batches of two."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    given = {"epochs": 2, "batch_size": 2, "seed": 5, "learning_rate": constant(0.25)}
    return Training(
        name="a weight",
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=1),
        loss_of=lambda _indices, _epoch: (network(torch.ones(1, 1)) - target).square().mean(),
        films=4,
        schedule=Schedule(**(given | schedule)),
        validate=None if validated is None else lambda: {"validation_loss": validated(network.weight.item())},
    )


def test_steps_and_mean_losses_are_those_of_gradient_descent_by_hand():
    training = one_weight()
    history = training.run()
    # The error halves with each step: 3, 1.5, 0.75, 0.375, then 0.1875.
    assert training.network.weight.item() == pytest.approx(3 - 0.1875)
    losses = [figures["training_loss"] for figures in history.epochs]
    assert losses == pytest.approx([(9 + 2.25) / 2, (0.5625 + 0.140625) / 2])
    assert history.kept_epoch == 2
    assert not training.network.training


def test_every_film_is_seen_once_an_epoch_in_an_order_of_seed_and_epoch():
    seen: dict[tuple[int, int], list[int]] = {}
    for seed in (5, 6):
        training = one_weight(seed=seed)
        loss_of = training.loss_of

        def note(indices: np.ndarray, epoch: int, *, seed: int = seed, loss_of: Any = loss_of) -> torch.Tensor:
            seen.setdefault((seed, epoch), []).extend(indices.tolist())
            return loss_of(indices, epoch)

        training.films, training.loss_of = 32, note
        training.run()
    assert all(sorted(order) == list(range(32)) for order in seen.values())
    assert len({tuple(order) for order in seen.values()}) == 4


def test_the_rate_follows_the_schedule_from_the_first_step_to_the_last():
    training = one_weight(learning_rate=cosine_decay(0.25, 0.05), epochs=3)
    rates = []
    training.optimizer.register_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    training.run()
    expected = [0.05 + 0.2 * (1 + math.cos(math.pi * step / 5)) / 2 for step in range(6)]
    assert rates == pytest.approx(expected)


def test_long_gradients_are_cut():
    training = one_weight(gradient_norm=1.0, epochs=1)
    training.run()
    assert training.network.weight.item() == pytest.approx(2 * 0.25, rel=1e-4)


def test_a_loss_that_is_no_longer_finite_stops_the_training():
    with pytest.raises(NumericalError, match="training loss became nan in epoch 1"):
        one_weight(target=float("nan")).run()
    with pytest.raises(NumericalError, match="validation_loss became inf in epoch 1"):
        one_weight(validated=lambda _: math.inf).run()


def test_the_best_epoch_is_kept_where_asked_and_the_last_otherwise():
    # Weights after the epochs: 2.25, 2.8125, 2.953; the second is nearest to 2.8.
    best = one_weight(validated=lambda weight: abs(weight - 2.8), keep="validation_loss", epochs=3)
    history = best.run()
    assert history.kept_epoch == 2
    assert history.kept["validation_loss"] == pytest.approx(0.0125)
    assert best.network.weight.item() == pytest.approx(2.8125)
    last = one_weight(validated=lambda weight: abs(weight - 2.8), epochs=3)
    assert last.run().kept_epoch == 3
    assert last.network.weight.item() == pytest.approx(3 - 3 / 64)


@pytest.mark.parametrize(("keep", "kept"), [("validation_loss", 2), ("last", 4)])
def test_training_ends_when_nothing_has_become_better_for_long_enough(keep: str, kept: int):
    training = one_weight(validated=lambda weight: abs(weight - 2.8), keep=keep, epochs=50, patience=2)
    history = training.run()
    assert (len(history.epochs), history.stopped_early, history.kept_epoch) == (4, True, kept)


def test_deciding_without_validating_is_refused():
    with pytest.raises(ValueError, match="validation_loss decides and nothing is validated"):
        one_weight(patience=2)


# Momentum, batch statistics, random numbers within the loss, and a best epoch in the middle: all that a resumed
# training could forget.
def noisy(file: CheckpointFile | None, *, stop_after: int | None = None, optimizer: str = "SGD") -> Training:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 1))
    films = torch.randn(24, 3, generator=torch.Generator().manual_seed(2))
    options: dict[str, Any] = {"momentum": 0.9} if optimizer == "SGD" else {}

    def loss_of(indices: np.ndarray, epoch: int) -> torch.Tensor:
        if stop_after is not None and epoch > stop_after and indices[0] % 2:
            raise KeyboardInterrupt
        noise = torch.randn(len(indices), 1)
        return (network(films[indices]) - films[indices, :1] - 0.1 * noise).square().mean()

    return Training(
        name="noisy",
        network=network,
        optimizer=getattr(torch.optim, optimizer)(network.parameters(), lr=0.1, **options),
        loss_of=loss_of,
        films=24,
        schedule=Schedule(
            epochs=9, batch_size=4, seed=3, learning_rate=cosine_decay(0.1, 0.01), keep="validation_loss", patience=7
        ),
        validate=lambda: {"validation_loss": abs(network[4].bias.item() - 0.05)},
        checkpoint=file,
    )


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_a_training_stopped_anywhere_goes_on_to_the_same_bits(optimizer: str, tmp_path: Path):
    undisturbed = noisy(None, optimizer=optimizer)
    expected = undisturbed.run()
    random_state = torch.get_rng_state()
    file = TrainingFolder(tmp_path / "t", {}).file("fit")
    for stop_after in (2, 5):
        with pytest.raises(KeyboardInterrupt):
            noisy(file, stop_after=stop_after, optimizer=optimizer).run()
        assert len(file.read().state["epochs"]) == stop_after
    resumed = noisy(file, optimizer=optimizer)
    assert resumed.run() == expected
    for key, value in undisturbed.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[key], value), key
    assert torch.equal(torch.get_rng_state(), random_state)


def test_a_finished_training_is_not_repeated(tmp_path: Path):
    file = TrainingFolder(tmp_path / "t", {}).file("fit")
    first = noisy(file)
    expected = first.run()
    random_state = torch.get_rng_state()
    again = noisy(file, stop_after=0)
    assert again.run() == expected
    for key, value in first.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[key], value), key
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not again.network.training


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path):
    file = TrainingFolder(tmp_path / "t", {}).file("fit")
    noisy(file).run()
    other = one_weight()
    other.checkpoint = file
    with pytest.raises(RefusedRunError, match="holds another network"):
        other.run()
