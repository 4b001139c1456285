"""Films of one size that are computed together, each its own problem."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from services.stylizer.job import TransferJob
from services.stylizer.lbfgs import BatchedLBFGS
from services.stylizer.network import Trunk
from services.stylizer.objective import Objective
from services.stylizer.targets import TargetCache
from shared.recipe import Optimizer


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotState:
    """What a slot holds after a step, on the host.

    Attributes:
        film: (side, side), the trunk's type, clamped to [0, 1].
        loss: of the last evaluation, weighted sum of the two below.
        content_loss: of the last evaluation, unweighted.
        style_loss: of the last evaluation, unweighted.
        finite: whether losses and film (before clamping) have been finite ever since the slot was taken.

    """

    film: npt.NDArray[np.floating]
    loss: float
    content_loss: float
    style_loss: float
    finite: bool


class Batch:
    """A fixed number of slots, of which any can be taken, left and taken again between two steps.

    The batch's shape never changes: idle slots hold a black film without an objective. With the same number of slots, a
    film's numbers are the same to the bit alone, beside other films, in any slot, and whenever it joins.
    """

    def __init__(self, trunk: Trunk, *, slots: int, history: int, targets: TargetCache) -> None:
        """Make room for `slots` films of the trunk's size, with `history` curvature pairs each."""
        pixels = trunk.side**2
        self._trunk = trunk
        self._targets = targets
        self._objective = Objective(trunk, slots)
        self._optimizer = BatchedLBFGS(slots, pixels, history=history, device=trunk.device, dtype=trunk.dtype)
        self._films = torch.zeros((slots, pixels), device=trunk.device, dtype=trunk.dtype)
        self._clamped = torch.zeros(slots, device=trunk.device, dtype=torch.bool)
        self._finite = torch.ones(slots, device=trunk.device, dtype=torch.bool)
        self._losses = torch.zeros((3, slots), device=trunk.device, dtype=trunk.dtype)

    def place(self, slot: int, job: TransferJob) -> None:
        """Give an idle slot to a film; its trajectory starts at the content. Other slots keep every bit."""
        self._objective.place(slot, job, self._targets)
        self._optimizer.reset(slot)
        self._films[slot] = torch.tensor(job.content.ravel(), device=self._trunk.device, dtype=self._trunk.dtype)
        self._clamped[slot] = job.recipe.optimizer == Optimizer.COMPAT
        self._finite[slot] = True

    def release(self, slot: int) -> None:
        """Leave a slot idle. Other slots keep every bit."""
        self._objective.release(slot)
        self._optimizer.release(slot)
        self._films[slot] = 0
        self._clamped[slot] = False
        self._finite[slot] = True

    def step(self) -> None:
        """Evaluate every film's objective once, and update every film. Does not wait for the device."""
        films = torch.where(self._clamped[:, None], self._films.clamp(0, 1), self._films)
        evaluation = self._objective.evaluate(films)
        self._films = films + self._optimizer.step(evaluation.gradient)
        self._losses = torch.stack([evaluation.loss, evaluation.content_loss, evaluation.style_loss])
        self._finite = self._finite & self._films.isfinite().all(dim=1) & self._losses.isfinite().all(dim=0)

    def read(self, slot: int) -> SlotState:
        """Bring a slot's state to the host. Waits for the device."""
        loss, content_loss, style_loss = self._losses[:, slot].tolist()
        return SlotState(
            film=self._films[slot].clamp(0, 1).view(self._trunk.side, self._trunk.side).cpu().numpy(),
            loss=loss,
            content_loss=content_loss,
            style_loss=style_loss,
            finite=bool(self._finite[slot]),
        )

    def finite(self) -> list[bool]:
        """Whether each slot's losses and film have been finite ever since it was taken. Waits for the device."""
        finite: list[bool] = self._finite.tolist()
        return finite
