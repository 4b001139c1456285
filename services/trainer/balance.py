"""What makes up for a rare class: weights of the loss, or drawing its films more often."""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]


def class_weights(malignant: Labels) -> NDArray[np.float64]:
    """Weight of each film (n,): n / (2 · films of its class), so that both classes weigh the same and the mean is 1.

    Raises ValueError when a class is missing.
    """
    count, positives = len(malignant), int(malignant.sum())
    if positives in (0, count):
        raise ValueError(f"weights need both classes, got {positives} malignant films of {count}")
    return np.where(malignant, count / (2 * positives), count / (2 * (count - positives)))


def balanced_order(malignant: Labels, generator: np.random.Generator) -> NDArray[np.intp]:
    """Indices of one epoch of as many films as there are, half of each class, shuffled.

    No film of a class comes a second time before each of that class came once. Raises ValueError when a class is
    missing.
    """
    count = len(malignant)
    halves = ((np.flatnonzero(malignant), count // 2), (np.flatnonzero(~malignant), count - count // 2))
    if any(len(films) == 0 for films, _ in halves):
        raise ValueError("drawing half of each class needs both classes")
    drawn = np.concatenate([_cycle(films, times, generator) for films, times in halves])
    return generator.permutation(drawn)


def _cycle(films: NDArray[np.intp], times: int, generator: np.random.Generator) -> NDArray[np.intp]:
    rounds = -(-times // len(films))
    return np.concatenate([generator.permutation(films) for _ in range(rounds)])[:times]
