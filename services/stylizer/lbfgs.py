"""L-BFGS for many independent problems at once.

Every problem ("film") of a batch has its own curvature pairs, its own scale and its own first step, and goes the way
that `torch.optim.LBFGS` without line search would go for it alone. One `torch.optim.LBFGS` over the batch would be one
coupled problem instead.

Shapes never depend on who else is there: products with the pairs are taken in blocks of `BLOCK` pairs, and a film that
has no pairs in a block gets exact zeros from it. So a film's bits do not depend on its slot or its neighbours.
"""

import torch
from torch import Tensor
from torch.nn import functional

from services.stylizer.curvature import CurvatureProducts

SMALLEST_CURVATURE = 1e-10
"""Curvature pairs with y . s at or below this are skipped, as in `torch.optim.LBFGS`."""

BLOCK = 20
"""Pairs that are multiplied in one product of matrices."""

_ALIGNED = 16
"""Rows of pairs are filled up to a multiple of so many values: how a product rounds may depend on where rows begin."""


class BatchedLBFGS:
    """L-BFGS (Nocedal and Wright, Algorithm 7.5) for a fixed number of films, learning rate 1.

    With gradients g and curvature pairs s (step) and y (change of the gradient):

        first step:  min(1, 1 / ||g||_1) * -g
        later:       -H g, with H from the pairs kept and H0 = (y . s) / (y . y) of the newest of them

    H g is what the two-loop recursion (Algorithm 7.4) gives, written as one sum over pairs whose weights follow from
    inner products alone (see `CurvatureProducts`): the pairs are read twice, and nothing is done pair by pair.

    The step stays what was taken, whatever a caller does to the films afterwards (`compat` clamps them).
    Nothing here waits for the device, and no loop runs over films.
    """

    def __init__(self, slots: int, pixels: int, *, history: int, device: torch.device, dtype: torch.dtype) -> None:
        """Make room for `slots` films of `pixels` values and `history` curvature pairs each."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, device=device, dtype=dtype)

        self._history = history
        self._pixels = pixels
        self._padding = -pixels % _ALIGNED
        width = pixels + self._padding
        self._rows = torch.arange(slots, device=device)
        capacity = pairs_kept(history)
        # A ring: row 2 j of a film is s of pair j, row 2 j + 1 is y; `head` is where the next pair goes.
        self._pairs = zeros(slots, 2 * capacity, width)
        self._products = CurvatureProducts(slots, history=history, capacity=capacity, device=device)
        self._head = torch.zeros(slots, device=device, dtype=torch.long)
        self._scale = zeros(slots)
        self._fresh = torch.ones(slots, device=device, dtype=torch.bool)
        self._gradient = zeros(slots, width)
        self._step = zeros(slots, width)
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
        gradient = functional.pad(gradient, (0, self._padding)) if self._padding else gradient
        change, keep = self._remember(gradient)
        blocks = self._blocks()
        magnitude = _magnitude(gradient)
        multiplied = torch.stack([gradient / magnitude, change], dim=1).transpose(1, 2)
        with_pairs = torch.cat([torch.bmm(block, multiplied) for block in blocks], dim=1)
        weights = self._products.weights(with_pairs, self._scale, self._head, keep)
        later = -self._scale[:, None] * multiplied[:, :, 0]
        for block, weight in zip(blocks, _in_blocks(weights.to(gradient.dtype)), strict=False):
            later = later - torch.bmm(weight[:, None], block)[:, 0]
        later = later * magnitude
        self._head = torch.where(keep, (self._head + 1) % self._history, self._head)
        self._step = torch.where(self._fresh[:, None], _first_step(gradient), later)
        self._gradient = gradient
        self._fresh = torch.zeros_like(self._fresh)
        self._updates = [None if updates is None else updates + 1 for updates in self._updates]
        return self._step[:, : self._pixels]

    def _clear(self, slot: int) -> None:
        # A pair with zero weights changes nothing, unless it is infinite: what a film that diverged has left goes
        # altogether.
        for buffer in (self._pairs[slot], self._gradient[slot], self._step[slot]):
            buffer.zero_()
        self._products.clear(slot)
        self._head[slot] = 0
        self._scale[slot] = 1
        self._fresh[slot] = True

    def _remember(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Store the curvature pair of the last step for those films where it is curved upwards.

        A pair is stored divided by the magnitude of y: H does not change when s and y are multiplied by one number, and
        products of what is stored do not overflow where a film flies off, as squares of gradients do.

        Returns y as stored (slots, width), and who stored it (slots,).
        """
        change = gradient - self._gradient
        curvature = _dot(change, self._step)
        keep = ~self._fresh & (curvature > SMALLEST_CURVATURE)
        pairs = self._pairs.view(-1, 2, self._pairs.shape[2])
        place = self._rows * (len(pairs) // len(self._rows)) + self._head
        magnitude = _magnitude(change)
        new = torch.stack([self._step, change], dim=1) / magnitude[:, None]
        pairs.index_copy_(0, place, torch.where(keep[:, None, None], new, pairs.index_select(0, place)))
        self._scale = torch.where(keep, curvature / _dot(change, change), self._scale)
        return new[:, 1], keep

    def _blocks(self) -> list[Tensor]:
        """Blocks of pairs (slots, 2 BLOCK, width), as many as the film that has most pairs may have."""
        most = min(self._history, max((updates or 0) for updates in self._updates))
        return _in_blocks(self._pairs)[: max(1, -(-most // BLOCK))]


def pairs_kept(history: int) -> int:
    """Pairs that a film has room for: whole blocks."""
    return history + -history % BLOCK


def _in_blocks(values: Tensor) -> list[Tensor]:
    """Cut values (slots, 2 capacity, ...) of pairs into blocks."""
    return [values[:, first : first + 2 * BLOCK] for first in range(0, values.shape[1], 2 * BLOCK)]


def _first_step(gradient: Tensor) -> Tensor:
    length = (1 / gradient.abs().sum(dim=1)).clamp(max=1)
    return -gradient * length[:, None]


def _magnitude(values: Tensor) -> Tensor:
    """Largest power of two (slots, 1) that is not above any film's largest value; dividing by it rounds nothing."""
    largest = values.abs().amax(dim=1, keepdim=True)
    mantissa, _ = torch.frexp(largest)
    return torch.where(largest > 0, largest / (2 * mantissa), 1)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return (left * right).sum(dim=1)
