"""Inner products of curvature pairs, from which L-BFGS's direction is a weighted sum of the pairs."""

import torch
from torch import Tensor
from torch.nn import functional


class CurvatureProducts:
    """The weights of H g in the basis of pairs (Byrd, Nocedal and Schnabel 1994, Eq. 3.1), film by film.

    With the pairs as columns of S and Y, oldest first, R the upper triangle of S^T Y with its diagonal D, and
    H0 = scale:

        w = R^-1 S^T g
        H g = scale g + S R^-T ((D + scale Y^T Y) w - scale Y^T g) - scale Y w

    Everything is float64, whatever type the pairs have: it costs nothing beside the pairs, and where these are float32
    the triangular solves add no error to that of the products. A pair that a film does not have is a row and a column
    of zeros with one on R's diagonal, and gets the weight zero.
    """

    def __init__(self, slots: int, *, history: int, capacity: int, device: torch.device) -> None:
        """Make room for `history` pairs of `slots` films; products come and weights go for `capacity` pairs."""
        self._places = torch.arange(capacity, device=device)
        self._history = history
        self._steps_with_changes = torch.zeros(slots, capacity, capacity, device=device, dtype=torch.float64)
        self._changes_with_changes = torch.zeros_like(self._steps_with_changes)

    def clear(self, slot: int) -> None:
        """Forget a film's pairs."""
        self._steps_with_changes[slot] = 0
        self._changes_with_changes[slot] = 0

    def weights(self, products: Tensor, scale: Tensor, head: Tensor, keep: Tensor) -> Tensor:
        """Take in a new pair, and give the weights (slots, 2 capacity) of s and y, pair by pair, in H g - scale g.

        Args:
            products: (slots, rows, 2), of s and y, pair by pair, with the gradient and with the new change of it; with
                fewer rows than capacity where no film has later pairs.
            scale: (slots,), H0.
            head: (slots,), the place of the new pair; the oldest comes next where all places are taken.
            keep: (slots,), whether there is a new pair.

        """
        capacity = len(self._places)
        products = functional.pad(products.double(), (0, 0, 0, 2 * capacity - products.shape[1]))
        pairs = products.view(-1, capacity, 2, 2)
        self._enter(pairs[:, :, 0, 1], pairs[:, :, 1, 1], head, keep)
        # From here on oldest first: places that were never taken come before, those behind the ring's end after.
        oldest = torch.where(keep, head + 1, head)[:, None]
        ring = (oldest + self._places[: self._history]) % self._history
        order = torch.cat([ring, self._places[self._history :].expand(len(ring), -1)], dim=1)
        square = order[:, :, None] * capacity + order[:, None, :]

        def ordered(matrix: Tensor) -> Tensor:
            return matrix.flatten(start_dim=1).gather(1, square.flatten(start_dim=1)).view_as(matrix)

        with_changes = ordered(self._steps_with_changes)
        diagonal = with_changes.diagonal(dim1=1, dim2=2)
        triangle = with_changes.triu() + torch.diag_embed((diagonal == 0).double())
        gradients = pairs[..., 0].gather(1, order[:, :, None].expand(-1, -1, 2))
        steps, changes = gradients[:, :, :1], gradients[:, :, 1:]
        scale = scale.double()[:, None, None]
        w = torch.linalg.solve_triangular(triangle, steps, upper=True)
        right = diagonal[..., None] * w + scale * (torch.bmm(ordered(self._changes_with_changes), w) - changes)
        z = torch.linalg.solve_triangular(triangle.transpose(1, 2), right, upper=False)
        found = torch.cat([z, -scale * w], dim=2)
        placed = torch.zeros_like(found).scatter(1, order[:, :, None].expand(-1, -1, 2), found)
        return placed.flatten(start_dim=1)

    def _enter(self, steps: Tensor, changes: Tensor, head: Tensor, keep: Tensor) -> None:
        """Set the new pair's column of S^T Y, and its row and column of Y^T Y."""
        new = (self._places == head[:, None]) & keep[:, None]
        column = new[:, None, :]
        self._steps_with_changes = torch.where(column, steps[:, :, None], self._steps_with_changes)
        self._changes_with_changes = torch.where(column, changes[:, :, None], self._changes_with_changes)
        self._changes_with_changes = torch.where(new[:, :, None], changes[:, None, :], self._changes_with_changes)
