"""Whether the source alone predicts the label: then a classifier may learn scanners and look good."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.log import get_logger
from shared.roc import area_under_curve, bootstrap_area

SUSPICIOUS_AREA = 0.6
"""Area under the curve of the source alone from which on a warning is given: what a weak classifier reaches."""

log = get_logger("trainer")


@dataclass(frozen=True)
class SourceAlone:
    """How well a film's source predicts its label."""

    auc: float
    """Area under the curve when each film scores the malignant share of its source, 0.5 or more."""
    auc_low: float
    auc_high: float
    malignant_share: dict[str, float]
    """Of each source's films."""

    @property
    def suspicious(self) -> bool:
        """Whether it predicts too well to trust figures over all sources."""
        return self.auc >= SUSPICIOUS_AREA

    def figures(self) -> dict[str, Any]:
        """For the figures beside the model, the warning in words where there is one."""
        return asdict(self) | {"warning": self._warning() if self.suspicious else None}

    def warn(self) -> None:
        """Say it in the log where there is something to say."""
        if self.suspicious:
            log.warning(self._warning(), auc=self.auc, malignant_share=self.malignant_share)

    def _warning(self) -> str:
        return (
            f"the source alone predicts the label with an area under the curve of {self.auc:.2f}: figures over all "
            "sources flatter the classifier, trust those within sources"
        )


def source_alone(
    malignant: NDArray[np.bool_], sources: NDArray[np.str_], patients: NDArray[np.str_], *, seed: int
) -> SourceAlone | None:
    """Judge the source as if it were a classifier, on the films (n,) that teach and judge one; None for one source."""
    names = np.unique(sources)
    if len(names) < 2:
        return None
    shares = {str(name): float(malignant[sources == name].mean()) for name in names}
    scores = np.array([shares[source] for source in sources.tolist()])
    interval = bootstrap_area(malignant, scores, patients, seed=seed)
    return SourceAlone(area_under_curve(malignant, scores), interval.low, interval.high, shares)
