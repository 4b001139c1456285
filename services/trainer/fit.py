"""What a way of training the classifier offers: fits on some films, logits for others, a gate to export."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.trainer.gates import ClassifierGate

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


class Fit(Protocol):
    """A way of training the classifier, bound to one set of films."""

    def fit(self, indices: Indices) -> Fitted:
        """Fit to the set's films at `indices` and nothing else."""
        ...
