"""From scores to the thresholds that a model file carries."""

import numpy as np
from numpy.typing import NDArray

ANOMALY_PERCENTILE = 95
BENIGN_SHARE_BELOW = 0.9
"""Share of benign validation films that stay below the chosen cutoff."""
CALLED_BENIGN_BELOW = 0.5
"""Contents must score below this; a cutoff under it would accept films that never changed."""


def anomaly_thresholds(
    training: NDArray[np.float64], validation: NDArray[np.float64], held_out: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """95th percentiles of the scores (n,) of real films.

    Of those trained on, the paper's; of validation films; and, where a detector has them, of the training films as
    detectors see them that were fitted to other patients: unseen as validation films are, and many more.
    """
    scores = {"training_p95": training, "validation_p95": validation}
    if held_out is not None:
        scores["held_out_p95"] = held_out
    return {name: float(np.percentile(values, ANOMALY_PERCENTILE)) for name, values in scores.items()}


def classifier_thresholds(
    malignant: NDArray[np.bool_], probabilities: NDArray[np.float64], *, cutoff: float
) -> dict[str, float]:
    """The given cutoff, and one that 90 % of the benign validation films stay below, at least one half.

    `malignant` bool (n,) with at least one False, `probabilities` (n,) of the same validation films.
    """
    chosen = float(np.quantile(probabilities[~malignant], BENIGN_SHARE_BELOW))
    return {"cutoff": cutoff, "validation": max(chosen, CALLED_BENIGN_BELOW)}
