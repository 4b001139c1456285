"""What services answer, as arrays and numbers."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mammosynth.models import ModelIdentity, Numerics
from mammosynth.pixels import from_image, from_mask
from mammosynth.recipes import Recipe
from mammosynth.v1 import anomaly_pb2, classifier_pb2, generation_pb2, stylizer_pb2

Film = npt.NDArray[np.float32]
"""(rows, columns) float32 in [0, 1], 0 black and 1 white."""
Mask = npt.NDArray[np.bool_]
"""(rows, columns) bool, True inside."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """A film on its way from content to style."""

    film: Film
    steps: int
    """Number of steps that was asked for."""
    evaluations: int
    """Evaluations of the objective that were made; more than steps with the optimizer "compat"."""
    loss: float
    """The objective at the last evaluation."""
    content_loss: float
    """Unweighted."""
    style_loss: float
    """Unweighted, summed over the layers."""
    mean_absolute_change: float
    """From the content, over the region, in units of full scale."""
    model: ModelIdentity
    numerics: Numerics

    @classmethod
    def from_message(cls, message: stylizer_pb2.StylizeResponse) -> "Snapshot":
        """Read a message."""
        return cls(
            film=from_image(message.image),
            steps=message.steps,
            evaluations=message.evaluations,
            loss=message.loss,
            content_loss=message.content_loss,
            style_loss=message.style_loss,
            mean_absolute_change=message.mean_absolute_change,
            model=ModelIdentity.from_message(message.model),
            numerics=Numerics.from_message(message.numerics),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """How far a film is from real ones. No decision: thresholds are yours."""

    score: float
    """Mean absolute reconstruction error, in standard deviations of real films, 0 or more."""
    reconstruction: Film | None
    """At the model's input size, where it was asked for."""
    model: ModelIdentity
    numerics: Numerics

    @classmethod
    def from_message(cls, message: anomaly_pb2.ScoreResponse) -> "Score":
        """Read a message."""
        return cls(
            score=message.score,
            reconstruction=(
                from_image(message.reconstruction, name="reconstruction")
                if message.HasField("reconstruction")
                else None
            ),
            model=ModelIdentity.from_message(message.model),
            numerics=Numerics.from_message(message.numerics),
        )


@dataclass(frozen=True, kw_only=True)
class Classification:
    """How malignant a film looks to a model. No decision, and no diagnosis."""

    probability: float
    """Probability of malignancy, 0 to 1, as the model sees it."""
    logit: float
    """The same before the logistic function."""
    model: ModelIdentity
    numerics: Numerics

    @classmethod
    def from_message(cls, message: classifier_pb2.ClassifyResponse) -> "Classification":
        """Read a message."""
        return cls(
            probability=message.probability,
            logit=message.logit,
            model=ModelIdentity.from_message(message.model),
            numerics=Numerics.from_message(message.numerics),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """An accepted synthetic film. Derived from two patients' films: treat it as patient data."""

    film: Film
    mask: Mask | None
    """The breast: the content's."""
    pair: int
    """Number of the pair that it comes from."""
    next_pair: int
    """`first_pair` of the request that goes on after this sample."""
    content_image_id: str
    """The benign film that was changed."""
    content_patient_id: str
    style_image_id: str
    """The malignant film whose texture was taken."""
    style_patient_id: str
    trial: int
    """Number of the accepted trial, 1 to 7."""
    recipe: Recipe
    anomaly_score: float
    probability: float
    """Of malignancy, of the sample."""
    content_probability: float
    """Of malignancy, of the content before."""
    record: dict[str, Any]
    """All trials of the pair, as a run would have recorded them."""

    @classmethod
    def from_message(cls, message: generation_pb2.GenerateResponse) -> "Sample":
        """Read a message."""
        return cls(
            film=from_image(message.image),
            mask=from_mask(message.mask) if message.HasField("mask") else None,
            pair=message.pair,
            next_pair=message.next_pair,
            content_image_id=message.content_image_id,
            content_patient_id=message.content_patient_id,
            style_image_id=message.style_image_id,
            style_patient_id=message.style_patient_id,
            trial=message.trial,
            recipe=Recipe.from_message(message.recipe),
            anomaly_score=message.anomaly_score,
            probability=message.probability,
            content_probability=message.content_probability,
            record=json.loads(message.record_json or b"{}"),
        )
