"""What a classifier achieves on films that it has not learnt from: over all, in each source, and within sources."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.trainer.calibration_curve import CalibrationBin, calibration_curve
from services.trainer.films import FilmSet
from services.trainer.metrics import classification_metrics, metrics_by_source, metrics_within_sources


@dataclass(frozen=True)
class Judged:
    """Films and what a classifier says of them; all arrays (n,)."""

    malignant: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    """Of malignancy, in [0, 1]."""
    patients: NDArray[np.str_]
    sources: NDArray[np.str_]

    @classmethod
    def of(cls, films: FilmSet, probabilities: NDArray[np.float64]) -> "Judged":
        """Join films with their probabilities."""
        return cls(films.malignant, probabilities, films.patients, films.sources)

    def of_source(self, source: str) -> "Judged":
        """Those of one source."""
        own = self.sources == source
        return Judged(self.malignant[own], self.probabilities[own], self.patients[own], self.sources[own])

    @property
    def curve(self) -> list[CalibrationBin]:
        """Calibration curve."""
        return calibration_curve(self.malignant, self.probabilities)

    def figures(self, *, cutoff: float, seed: int) -> dict[str, Any]:
        """All figures, plain JSON: accuracy, area under the curve with its interval, confusion matrix at the cutoff.

        And the calibration: its error beside the other figures, its curve by itself.
        """
        arguments = (self.malignant, self.probabilities, self.patients)
        return {
            "overall": classification_metrics(*arguments, cutoff=cutoff, seed=seed),
            "by_source": metrics_by_source(*arguments, self.sources, cutoff=cutoff, seed=seed),
            "within_sources": metrics_within_sources(*arguments, self.sources, seed=seed),
            "calibration_curve": [one.as_dict() for one in self.curve],
            "calibration_curve_by_source": {
                source: [one.as_dict() for one in self.of_source(source).curve]
                for source in np.unique(self.sources).tolist()
            },
        }
