"""L-BFGS for many independent problems at once.

Every problem ("film") of a batch has its own curvature pairs, its own scale and its own first step, and goes the way
that `torch.optim.LBFGS` without line search would go for it alone. One `torch.optim.LBFGS` over the batch would be one
coupled problem instead.

Only elementwise products, sums and sums along a film's pixels are used, none of them fused: a fused multiply-add may
round otherwise at the edge of a vector or of a thread's share, and a film's bits would depend on its slot.
"""

import torch
from torch import Tensor

SMALLEST_CURVATURE = 1e-10
"""Curvature pairs with y . s at or below this are skipped, as in `torch.optim.LBFGS`."""


class BatchedLBFGS:
    """Nocedal's two-loop recursion (Nocedal and Wright, Algorithm 7.4) for a fixed number of films, learning rate 1.

    With gradients g, curvature pairs s (step) and y (change of the gradient), rho = 1 / (y . s):

        first step:  min(1, 1 / ||g||_1) * -g
        later:       q = -g;  newest to oldest: a_i = rho_i (s_i . q), q -= a_i y_i
                     r = H q, H = (y . s) / (y . y) of the newest pair kept
                     oldest to newest: r += s_i (a_i - rho_i (y_i . r));  the step is r

    The step stays what was taken, whatever a caller does to the films afterwards (`compat` clamps them).
    Nothing here waits for the device, and no loop runs over films.
    """

    def __init__(self, slots: int, pixels: int, *, history: int, device: torch.device, dtype: torch.dtype) -> None:
        """Make room for `slots` films of `pixels` values and `history` curvature pairs each."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, device=device, dtype=dtype)

        self._history = history
        self._rows = torch.arange(slots, device=device)
        self._ages = torch.arange(history, device=device)
        # Ring buffers: pair j of film i lies in row i * history + j; `head` is where the next pair goes.
        self._steps = zeros(slots * history, pixels)
        self._changes = zeros(slots * history, pixels)
        self._rho = zeros(slots, history)
        self._head = torch.zeros(slots, device=device, dtype=torch.long)
        self._scale = zeros(slots)
        self._fresh = torch.ones(slots, device=device, dtype=torch.bool)
        self._gradient = zeros(slots, pixels)
        self._step = zeros(slots, pixels)
        # Known without asking the device: no film has more pairs than it has had updates.
        self._updates: list[int | None] = [None] * slots

    def reset(self, slot: int) -> None:
        """Forget everything about a slot, which a new film takes. Other slots keep every bit."""
        self._clear(slot)
        self._updates[slot] = 0

    def release(self, slot: int) -> None:
        """Forget everything about a slot, which nobody takes for now."""
        self._clear(slot)
        self._updates[slot] = None

    def step(self, gradient: Tensor) -> Tensor:
        """Steps (slots, pixels) to add to the films, whose objectives have this gradient (slots, pixels)."""
        self._remember(gradient)
        first = _first_step(gradient)
        later = self._two_loop_recursion(gradient)
        self._step = torch.where(self._fresh[:, None], first, later)
        self._gradient = gradient
        self._fresh = torch.zeros_like(self._fresh)
        self._updates = [None if updates is None else updates + 1 for updates in self._updates]
        return self._step

    def _clear(self, slot: int) -> None:
        pairs = slice(slot * self._history, (slot + 1) * self._history)
        # With rho 0 a pair changes nothing, unless it is infinite: what a film that diverged has left goes altogether.
        for buffer in (self._steps[pairs], self._changes[pairs], self._rho[slot], self._gradient[slot]):
            buffer.zero_()
        self._step[slot] = 0
        self._head[slot] = 0
        self._scale[slot] = 1
        self._fresh[slot] = True

    def _remember(self, gradient: Tensor) -> None:
        """Store the curvature pair of the last step for those films where it is curved upwards."""
        change = gradient - self._gradient
        curvature = _dot(change, self._step)
        keep = ~self._fresh & (curvature > SMALLEST_CURVATURE)
        place = self._rows * self._history + self._head
        for buffer, new in ((self._steps, self._step), (self._changes, change)):
            buffer.index_copy_(0, place, torch.where(keep[:, None], new, buffer.index_select(0, place)))
        head = self._head[:, None]
        rho = torch.where(keep[:, None], 1 / curvature[:, None], self._rho.gather(1, head))
        self._rho.scatter_(1, head, rho)
        self._scale = torch.where(keep, curvature / _dot(change, change), self._scale)
        self._head = torch.where(keep, (self._head + 1) % self._history, self._head)

    def _two_loop_recursion(self, gradient: Tensor) -> Tensor:
        """Steps from all pairs that were kept. A pair that a film does not have has rho 0 and changes nothing."""
        columns = (self._head[:, None] - 1 - self._ages) % self._history
        rho = self._rho.gather(1, columns)
        places = self._rows[:, None] * self._history + columns
        ages = range(min(self._history, max((updates or 0) for updates in self._updates)))
        weights = []
        direction = -gradient
        for age in ages:
            weight = _dot(self._steps.index_select(0, places[:, age]), direction) * rho[:, age]
            direction = direction - weight[:, None] * self._changes.index_select(0, places[:, age])
            weights.append(weight)
        direction = direction * self._scale[:, None]
        for age in reversed(ages):
            weight = _dot(self._changes.index_select(0, places[:, age]), direction) * rho[:, age]
            step = self._steps.index_select(0, places[:, age])
            direction = direction + (weights[age] - weight)[:, None] * step
        return direction


def _first_step(gradient: Tensor) -> Tensor:
    length = (1 / gradient.abs().sum(dim=1)).clamp(max=1)
    return -gradient * length[:, None]


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return (left * right).sum(dim=1)
