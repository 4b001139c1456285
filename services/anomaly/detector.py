"""Scores films by how far they are from real ones, as a model that knows real films only sees it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.errors import NumericalError
from shared.images import Film, Mask
from shared.scoring.preparation import PreparedFilm, prepare
from shared.scoring.session import ScoringSession


@dataclass(frozen=True)
class Score:
    """What the detector says of one film. No decision: thresholds are the caller's."""

    value: float
    """0 or more; of an auto-encoder its mean absolute error over the region, in standard deviations of real films.

    Of a texture detector the distance of the film's statistics from real films', 1 where few of those lie.
    """
    reconstruction: Film
    """What the auto-encoder made of the film, at the model's input size, clipped to [0, 1].

    Of a texture detector the film, darker where its texture is odd.
    """


class AnomalyDetector:
    """An anomaly detector on a device."""

    def __init__(self, session: ScoringSession) -> None:
        self._session = session

    def prepare(self, film: Film, mask: Mask | None) -> PreparedFilm:
        """Bring a square film and its breast mask to the model's input; see `shared.scoring.preparation.prepare`."""
        return prepare(film, mask, size=self._session.size, region=self._session.description.region)

    def score(self, films: Sequence[PreparedFilm]) -> list[Score]:
        """Score 1 to `batch` films, each as if it were alone.

        Raises:
            NumericalError: if a score is infinite or undefined, which a sound model never answers.

        """
        outputs = self._session.run(films)
        scores = [float(value) for value in outputs["score"]]
        for value in scores:
            if not math.isfinite(value):
                raise NumericalError(f"score: found {value}, needed a finite number: the model is unsound")
        reconstructions = np.clip(np.nan_to_num(outputs["reconstruction"][:, 0]), 0.0, 1.0)
        return [Score(value, film) for value, film in zip(scores, reconstructions, strict=True)]
