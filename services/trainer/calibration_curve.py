"""How well predicted probabilities agree with what is observed."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """The films whose predicted probability of malignancy lies in one bin; the upper end is the next bin's."""

    low: float
    high: float
    films: int
    predicted: float | None
    """Their mean predicted probability; None when there are no films."""
    observed: float | None
    """Share of them that are malignant."""

    def as_dict(self) -> dict[str, float | None]:
        """By name, for JSON."""
        return asdict(self)


def calibration_curve(
    labels: NDArray[np.bool_], probabilities: NDArray[np.float64], *, bins: int = BINS
) -> list[CalibrationBin]:
    """Equally wide bins of probabilities (n,) in [0, 1] with labels (n,), True for malignant; 1 is in the last bin."""
    bin_of_film = np.minimum((probabilities * bins).astype(int), bins - 1)
    curve = []
    for number in range(bins):
        inside = bin_of_film == number
        predicted, observed = (
            (float(probabilities[inside].mean()), float(labels[inside].mean())) if inside.any() else (None, None)
        )
        curve.append(CalibrationBin(number / bins, (number + 1) / bins, int(inside.sum()), predicted, observed))
    return curve


def expected_calibration_error(
    labels: NDArray[np.bool_], probabilities: NDArray[np.float64], *, bins: int = BINS
) -> float:
    """Mean distance between predicted probability and observed share, over the bins, weighted by films."""
    distances = [
        one.films * abs(one.predicted - one.observed)
        for one in calibration_curve(labels, probabilities, bins=bins)
        if one.predicted is not None and one.observed is not None
    ]
    return sum(distances) / len(labels)
