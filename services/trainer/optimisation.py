"""The one training loop: films in shuffled batches, epoch after epoch; it goes on from any whole epoch."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from services.trainer.checkpoint import Checkpoint, CheckpointFile
from services.trainer.schedule import LAST, Schedule, batches, is_better
from services.trainer.training_state import capture, finished, load_weights, restore, restore_finished
from shared.errors import NumericalError
from shared.log import get_logger
from shared.progress import ProgressReporter, progress

LossOf = Callable[[NDArray[np.intp], int], Tensor]
"""Mean loss of the films at some indices in some epoch, counted from 1."""
Order = Callable[[np.random.Generator], NDArray[np.intp]]
"""Indices of the films of one epoch, in the order in which they are seen."""

log = get_logger("trainer")


@dataclass
class History:
    """How a training went."""

    epochs: list[dict[str, float]] = field(default_factory=list)
    """Figures of each epoch by name: `training_loss`, the mean over its films, and what was validated."""
    kept_epoch: int = 0
    """Epoch whose weights the network has, from 1."""
    stopped_early: bool = False
    """Whether the training ended because nothing got better."""

    @property
    def kept(self) -> dict[str, float]:
        """Figures of the epoch that was kept."""
        return self.epochs[self.kept_epoch - 1]

    def metrics(self) -> dict[str, float]:
        """What a model file says of its training: which epoch it is, and its losses."""
        losses = {name: value for name, value in self.kept.items() if name.endswith("loss")}
        return {"kept_epoch": self.kept_epoch, **losses}

    def figures(self) -> dict[str, Any]:
        """What is told beside the model file."""
        return {"training": {"epochs": self.epochs, "kept": self.kept_epoch, "stopped_early": self.stopped_early}}


@dataclass(kw_only=True)
class Training:
    """A network being trained. `run` does it all.

    The films' order in an epoch is a function of seed and epoch, so nothing of it needs to be remembered.
    """

    name: str
    """What is trained, for the progress bar."""
    network: nn.Module
    optimizer: torch.optim.Optimizer
    loss_of: LossOf
    films: int
    """How many films there are to learn from."""
    schedule: Schedule
    validate: Callable[[], dict[str, float]] | None = None
    """Figures of the network as it is, in evaluation mode: `validation_loss` and what else there is."""
    order: Order | None = None
    """Films of an epoch; None for each film once, shuffled."""
    checkpoint: CheckpointFile | None = None
    """Where each epoch is saved; None saves nothing."""
    precision: Callable[[], AbstractContextManager[object]] = nullcontext
    """What losses are computed within."""
    history: History = field(default_factory=History, init=False)
    _kept: dict[str, Tensor] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Check that what decides is measured."""
        if self.schedule.watched is not None and self.validate is None:
            raise ValueError(f"{self.schedule.watched} decides and nothing is validated")

    def run(self) -> History:
        """Train, or go on where a checkpoint is; afterwards the network has the kept weights, in evaluation mode.

        Raises NumericalError when a loss is not finite, RefusedRunError when the checkpoint is of another training.
        """
        if self._resume():
            self.network.eval()
            return self.history
        done = len(self.history.epochs)
        total = self.schedule.epochs * self.films
        with progress(f"training {self.name}", total=total, done=done * self.films) as reporter:
            for epoch in range(done + 1, self.schedule.epochs + 1):
                if self._epoch(epoch, reporter):
                    break
        return self.history

    def _epoch(self, epoch: int, reporter: ProgressReporter) -> bool:
        """Do one epoch and save it; returns whether it was the last one."""
        figures = {"training_loss": self._train(epoch, reporter)}
        if self.validate is not None:
            self.network.eval()
            with torch.inference_mode():
                figures |= self.validate()
        _require_finite(figures, epoch)
        self.history.epochs.append(figures)
        self._compare(epoch, figures)
        log.info("epoch done", training=self.name, epoch=epoch, **figures)
        last = epoch == self.schedule.epochs or self.history.stopped_early
        if last:
            self._finish()
        self._save(last)
        return last

    def _train(self, epoch: int, reporter: ProgressReporter) -> float:
        """Take every batch once; returns the mean loss over the films."""
        generator = np.random.default_rng([self.schedule.seed, epoch])
        order = generator.permutation(self.films) if self.order is None else self.order(generator)
        cut = list(batches(order, batch_size=self.schedule.batch_size))
        steps, total = len(cut) * self.schedule.epochs, 0.0
        self.network.train()
        for place, indices in enumerate(cut):
            rate = self.schedule.learning_rate(((epoch - 1) * len(cut) + place) / max(steps - 1, 1))
            loss = self._step(indices, epoch, rate)
            total += loss * len(indices)
            reporter.advance(len(indices), note=f"epoch {epoch}/{self.schedule.epochs} loss {loss:.4f} rate {rate:.2g}")
        return total / len(order)

    def _step(self, indices: NDArray[np.intp], epoch: int, rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision():
            loss = self.loss_of(indices, epoch)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise NumericalError(
                f"the training loss became {value} in epoch {epoch} at a learning rate of {rate:g}: "
                "needed is a lower one"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.gradient_norm)
        self.optimizer.step()
        return value

    def _compare(self, epoch: int, figures: dict[str, float]) -> None:
        """Keep these weights if they are the best so far; note when nothing has become better for too long."""
        watched = self.schedule.watched
        if watched is None:
            self.history.kept_epoch = epoch
            return
        best = self.history.kept_epoch
        if best == 0 or is_better(watched, figures[watched], self.history.epochs[best - 1][watched]):
            self.history.kept_epoch = best = epoch
            if self.schedule.keep != LAST:
                self._kept = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        patience = self.schedule.patience
        self.history.stopped_early = patience is not None and epoch - best >= patience

    def _finish(self) -> None:
        """Give the network the kept weights."""
        if self.schedule.keep == LAST:
            self.history.kept_epoch = len(self.history.epochs)
        else:
            load_weights(self.network, self._kept)
        self.network.eval()

    def _save(self, last: bool) -> None:
        if self.checkpoint is None:
            return
        state = {"finished": last, **vars(self.history)}
        if last:
            tensors = finished(self.network)
        else:
            tensors, state["optimizer"] = capture(self.network, self.optimizer, self._kept)
        self.checkpoint.write(Checkpoint(tensors, state))

    def _resume(self) -> bool:
        """Take up a checkpoint if there is one; returns whether there is nothing left to do."""
        found = self.checkpoint.read() if self.checkpoint is not None else None
        if found is None:
            return False
        state = found.state
        self.history = History(state["epochs"], state["kept_epoch"], state["stopped_early"])
        if state["finished"]:
            restore_finished(self.network, found.tensors)
        else:
            self._kept = restore(self.network, self.optimizer, found.tensors, state["optimizer"])
        log.info(
            "training goes on", training=self.name, after_epoch=len(self.history.epochs), finished=state["finished"]
        )
        return bool(state["finished"])


def _require_finite(figures: dict[str, float], epoch: int) -> None:
    for name, value in figures.items():
        if not np.isfinite(value):
            raise NumericalError(f"the {name} became {value} in epoch {epoch}: needed is a lower learning rate")
