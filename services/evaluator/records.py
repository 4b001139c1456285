"""Records of pairs as a report needs them: read from `pairs/<i>.json`, without what only a replay needs."""

import json
from dataclasses import dataclass
from typing import Any

from shared.errors import DatasetError

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Scores:
    """What both gates say of one film."""

    anomaly: float
    """Reconstruction error in standard deviations of real films, 0 or more."""
    probability: float
    """Probability of malignancy, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Source:
    """A film that a pair was made from."""

    image_id: str
    patient_id: str
    sha256: str
    scores: Scores | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One snapshot that was scored by both gates."""

    trial: int
    """Number, from 1."""
    recipe: dict[str, Any]
    evaluations: int
    mean_absolute_change: float
    scores: Scores | None
    """None where the optimisation diverged."""
    reasons: tuple[str, ...]
    """Why it was not kept, the weightiest first; none if it was."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """One pair that has ended."""

    pair: int
    accepted: bool
    reason: str
    """Why it was given up; empty if it was accepted."""
    content: Source
    style: Source
    trials: tuple[Trial, ...]
    accepted_trial: int | None

    def trial(self, number: int) -> Trial | None:
        """The trial of this number, if it was made."""
        return next((trial for trial in self.trials if trial.trial == number), None)


def parse_record(data: bytes, *, where: str) -> tuple[Record, dict[str, list[dict[str, Any]]]]:
    """Read a record, and the numerics that took part, by service.

    Raises:
        DatasetError: naming `where` and what is wrong.

    """
    try:
        values = json.loads(data)
        if values["schema_version"] != SCHEMA_VERSION:
            raise DatasetError(f"{where}: found schema version {values['schema_version']}, needed {SCHEMA_VERSION}")
        record = Record(
            pair=int(values["pair"]),
            accepted=values["decision"] == "accepted",
            reason=str(values["reason"] or ""),
            content=_source(values["content"]),
            style=_source(values["style"]),
            trials=tuple(_trial(trial) for trial in values["trials"]),
            accepted_trial=values["accepted_trial"],
        )
        numerics = {str(service): list(kinds) for service, kinds in values["numerics"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{where}: is no record of a pair: {type(error).__name__}: {error}") from error
    return record, numerics


def _scores(values: dict[str, float] | None) -> Scores | None:
    return Scores(float(values["anomaly"]), float(values["probability"])) if values else None


def _source(values: dict[str, Any]) -> Source:
    return Source(
        str(values["image_id"]), str(values["patient_id"]), str(values["sha256"]), _scores(values.get("scores"))
    )


def _trial(values: dict[str, Any]) -> Trial:
    return Trial(
        trial=int(values["trial"]),
        recipe=dict(values["recipe"]),
        evaluations=int(values["evaluations"]),
        mean_absolute_change=float(values["mean_absolute_change"]),
        scores=_scores(values["scores"]),
        reasons=tuple(str(reason) for reason in values["reasons"]),
        sha256=str(values["sha256"]),
    )
