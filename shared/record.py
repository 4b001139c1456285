"""The record of a pair: written once, when it has ended, and holding only what a second run would repeat."""

import json
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from shared.errors import DatasetError, InvalidInputError
from shared.recipe import LossConvention, Optimizer, Recipe, Region

SCHEMA_VERSION = 1


class Reason(StrEnum):
    """Why a trial was not kept, or a pair given up."""

    ANOMALOUS = "anomalous"
    """The detector finds the trial less plausible than real films are."""
    STILL_BENIGN = "still_benign"
    """The classifier calls the trial benign."""
    LOW_CONFIDENCE = "low_confidence"
    """The classifier calls the trial malignant, without enough confidence."""
    UNCHANGED = "unchanged"
    """The trial moved less from its content than the policy demands."""
    DIVERGED = "diverged"
    """The optimisation left the numbers: there is no film to score."""
    CONTENT_NOT_BENIGN = "content_not_benign"
    """The classifier does not call the content benign, so nothing could be shown."""
    EXHAUSTED = "exhausted"
    """All recipes were tried."""


@dataclass(frozen=True)
class Scores:
    """What both gates say of one film."""

    anomaly: float
    """Reconstruction error in standard deviations of real films, 0 or more."""
    probability: float
    """Probability of malignancy, 0 to 1."""
    logit: float
    """The same before the logistic function."""


class Decision(StrEnum):
    """How a pair ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A film that a pair was made from."""

    image_id: str
    patient_id: str
    sha256: str
    """Of its pixels."""
    scores: Scores | None = None
    """What the gates say of it, where they were asked."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that took part."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One snapshot that was scored by both gates."""

    trial: int
    """Number, 1 to 7."""
    recipe: Recipe
    """Its steps are this trial's, whatever the trajectory went on to."""
    evaluations: int
    """Evaluations of the objective that were made; 0 where it diverged."""
    loss: float | None
    content_loss: float | None
    style_loss: float | None
    mean_absolute_change: float
    """Over the region, in units of full scale."""
    scores: Scores | None
    """None where the optimisation diverged."""
    reasons: tuple[Reason, ...]
    """Why it was not kept, the weightiest first; none if it was."""
    sha256: str
    """Of the film's pixels; empty where it diverged."""
    film_scores: Scores | None = None
    """What the gates of whole films say, where those of crops gave `scores` and a policy asks both."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A square of a film at its own resolution, cut to the breast as the data set keeps it, in its pixels."""

    lesion: int | None
    """Which of the film's lesions, from 0; None where there is none."""
    top: int
    left: int
    side: int
    box: tuple[float, float, float, float]
    """The lesion in it, or what it is compared with: x, y, width, height."""


@dataclass(frozen=True, kw_only=True)
class LesionTransfer:
    """What happened where, in a pair of lesions."""

    size: int
    """Rows and columns that both places were brought to."""
    content: Place
    style: Place
    content_film_scores: Scores | None = None
    """What the gates of whole films say of the content's, where a policy asks them too."""
    original_sha256: str = ""
    """Of the accepted film at its own resolution; empty if there is none."""


@dataclass(frozen=True, kw_only=True)
class PairRecord:
    """All that is known of a pair that has ended; with the data set and the models, enough to make it again."""

    pair: int
    decision: Decision
    reason: Reason | None
    """Why it was given up; None if it was accepted."""
    content: Source
    style: Source
    trials: tuple[Trial, ...]
    accepted_trial: int | None
    sha256: str
    """Of the accepted film's pixels; empty if there is none."""
    seed: int
    policy: str
    policy_sha256: str
    dataset_sha256: str
    models: dict[str, Model] = field(default_factory=dict)
    """By service: stylizer, anomaly, classifier."""
    numerics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By service: every kind of numerics that took part, in a fixed order."""
    placebo: bool = False
    """Whether a benign film served as style."""
    lesion: LesionTransfer | None = None
    """Where the region was a lesion."""
    schema_version: int = SCHEMA_VERSION

    @property
    def accepted(self) -> bool:
        """Whether both gates let one of its trials pass."""
        return self.decision is Decision.ACCEPTED

    def trial(self, number: int | None) -> Trial | None:
        """The trial of this number, if it was made."""
        return next((trial for trial in self.trials if trial.trial == number), None)

    def to_json(self) -> bytes:
        """Write the record; the same record is always the same bytes."""
        values = asdict(self)
        # Records of whole films are written as they were before there were lesions.
        if self.lesion is None:
            del values["lesion"]
        for trial in values["trials"]:
            if trial["film_scores"] is None:
                del trial["film_scores"]
        return json.dumps(values, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"

    def digest_line(self) -> str:
        """What of this record a run digest is taken over: decisions and films, not what they were computed with."""
        trials = ",".join(f"{trial.trial}={'+'.join(trial.reasons) or 'accepted'}" for trial in self.trials)
        kind = "placebo" if self.placebo else "pair"
        places = f" {_told(self.lesion.content)} {_told(self.lesion.style)}" if self.lesion else ""
        return (
            f"{self.pair} {kind} {self.content.image_id} {self.style.image_id} {self.decision} {self.reason or '-'} "
            f"[{trials}] {self.sha256 or '-'}{places}\n"
        )


def from_json(data: bytes, *, where: str) -> PairRecord:
    """Read a record.

    Raises:
        DatasetError: naming `where` and what is wrong.

    """
    try:
        values = json.loads(data)
        if values["schema_version"] != SCHEMA_VERSION:
            raise DatasetError(f"{where}: found schema version {values['schema_version']}, needed {SCHEMA_VERSION}")
        values["decision"] = Decision(values["decision"])
        values["reason"] = Reason(values["reason"]) if values["reason"] else None
        values["content"] = _source(values["content"])
        values["style"] = _source(values["style"])
        values["trials"] = tuple(_trial(trial) for trial in values["trials"])
        if values.get("lesion"):
            values["lesion"] = _lesion(values["lesion"])
        values["models"] = {name: Model(**model) for name, model in values["models"].items()}
        return PairRecord(**values)
    except (AttributeError, KeyError, TypeError, ValueError, InvalidInputError) as error:
        raise DatasetError(f"{where}: is no record of a pair: {error}") from error


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """Read a recipe as it stands in a record."""
    known = {item.name for item in fields(Recipe)}
    unknown = set(values) - known
    if unknown:
        raise ValueError(f"recipe: unknown {', '.join(sorted(unknown))}")
    return Recipe(
        **{
            **values,
            "style_layers": tuple(values["style_layers"]),
            "region": Region(values["region"]),
            "optimizer": Optimizer(values["optimizer"]),
            "loss_convention": LossConvention(values["loss_convention"]),
        }
    )


def _scores(values: dict[str, float] | None) -> Scores | None:
    return Scores(**values) if values else None


def _told(place: Place) -> str:
    lesion = "free" if place.lesion is None else place.lesion
    return f"{lesion}@{place.top},{place.left},{place.side}"


def _lesion(values: dict[str, Any]) -> LesionTransfer:
    places = {name: Place(**{**values[name], "box": tuple(values[name]["box"])}) for name in ("content", "style")}
    return LesionTransfer(**{**values, **places, "content_film_scores": _scores(values["content_film_scores"])})


def _source(values: dict[str, Any]) -> Source:
    return Source(**{**values, "scores": _scores(values["scores"])})


def _trial(values: dict[str, Any]) -> Trial:
    return Trial(
        **{
            **values,
            "recipe": recipe_from_dict(values["recipe"]),
            "scores": _scores(values["scores"]),
            "film_scores": _scores(values.get("film_scores")),
            "reasons": tuple(Reason(reason) for reason in values["reasons"]),
        }
    )
