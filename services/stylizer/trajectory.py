"""What one optimisation hands out on its way."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """A trajectory's film after some number of steps.

    Attributes:
        steps: number of steps that was asked for.
        evaluations: evaluations of the objective that were made; more than `steps` with `compat`.
        film: (side, side), the engine's dtype, clamped to [0, 1]; the film after the last evaluation's update, as the
            tutorial returns it.
        loss: objective at the last evaluation, that is before that update: weighted sum of the two below, no unit.
        content_loss: content loss at the last evaluation, unweighted.
        style_loss: style loss at the last evaluation, unweighted, summed over the recipe's layers.
        mean_absolute_change: mean of |film - content| over the region, in units of full scale, 0 to 1.

    """

    steps: int
    evaluations: int
    film: npt.NDArray[np.floating]
    loss: float
    content_loss: float
    style_loss: float
    mean_absolute_change: float
