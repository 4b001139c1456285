"""What a way of training the classifier offers: fits on some films, logits for others, a gate to export."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.trainer.gates import ClassifierGate
from services.trainer.optimisation import History

Indices = NDArray[np.intp]


class Fitted(Protocol):
    """A classifier fitted to some films of a set."""

    def logits(self, indices: Indices) -> NDArray[np.float64]:
        """Logits (n,) of the set's films at `indices`."""
        ...

    def gate(self) -> ClassifierGate:
        """Return the classifier as one network, on the CPU, in evaluation mode."""
        ...

    def figures(self) -> dict[str, float]:
        """What there is to say about the fit itself, by name."""
        ...

    def history(self) -> History | None:
        """How the training went, epoch by epoch; None for a fit without epochs."""
        ...


class Fit(Protocol):
    """A way of training the classifier, bound to one set of films."""

    def fit(self, indices: Indices, *, watch: Indices | None = None) -> Fitted:
        """Fit to the set's films at `indices` and nothing else.

        `watch` are films of other patients that may be looked at to decide when to stop and which weights to keep; who
        needs them and gets none takes some patients out of `indices`.
        """
        ...
