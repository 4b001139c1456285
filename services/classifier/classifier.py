"""Tells how probable a film's malignancy looks to a model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import NumericalError
from shared.images import Film, Mask
from shared.scoring.preparation import PreparedFilm, prepare
from shared.scoring.session import ScoringSession


@dataclass(frozen=True)
class Classification:
    """What the classifier says of one film. No decision, cut-offs are the caller's; and no diagnosis."""

    probability: float
    """Probability of malignancy, 0 to 1, as the model sees it."""
    logit: float
    """The same before the logistic function."""


class Classifier:
    """A classifier on a device."""

    def __init__(self, session: ScoringSession) -> None:
        self._session = session

    def prepare(self, film: Film, mask: Mask | None) -> PreparedFilm:
        """Bring a square film and its breast mask to the model's input; see `shared.scoring.preparation.prepare`."""
        return prepare(film, mask, size=self._session.size, region=self._session.description.region)

    def classify(self, films: Sequence[PreparedFilm]) -> list[Classification]:
        """Classify 1 to `batch` films, each as if it were alone.

        Raises:
            NumericalError: if a logit is infinite or undefined, which a sound model never answers.

        """
        outputs = self._session.run(films)
        pairs = zip(outputs["probability"].tolist(), outputs["logit"].tolist(), strict=True)
        classifications = [Classification(probability, logit) for probability, logit in pairs]
        for found in classifications:
            if not math.isfinite(found.logit):
                raise NumericalError(f"logit: found {found.logit}, needed a finite number: the model is unsound")
        return classifications
