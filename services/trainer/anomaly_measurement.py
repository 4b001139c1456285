"""What a trained anomaly detector makes of films: real ones, those that were spoiled on purpose, and a battery."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.trainer.anomaly_pictures import draw_battery, draw_films, draw_scores
from services.trainer.battery_figures import (
    KindFigures,
    Rejection,
    figures_of,
    measure_battery,
    measure_rejections,
    metrics_of,
    real_films,
)
from services.trainer.calibration import anomaly_thresholds
from services.trainer.configuration import Detector, TrainAnomalyConfiguration
from services.trainer.curves import write_picture
from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet
from services.trainer.spoiled import spoiled_areas
from shared.battery import Battery
from shared.dataset import Dataset, Split
from shared.progress import progress

Scores = NDArray[np.float64]

_MADE = {Detector.UNET: "reconstruction", Detector.TEXTURE: "film, odd places darker"}


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Scores of a detector, and what follows from them."""

    training: Scores
    """Of the training films, (n,)."""
    validation: Scores
    """Of the validation films, (m,)."""
    thresholds: dict[str, float]
    areas: dict[str, float]
    """Area under the curve against validation films by kind of spoiled film; empty where a battery was given."""
    battery: Battery | None
    kinds: tuple[KindFigures, ...]
    """Of the battery."""
    battery_real: Scores
    """Of the real films that the battery is compared with."""
    rejections: tuple[Rejection, ...]

    def metrics(self) -> dict[str, float]:
        """What the model file carries."""
        return {
            "training_score_mean": float(self.training.mean()),
            "validation_score_mean": float(self.validation.mean()),
            **{f"auc_{kind}": area for kind, area in self.areas.items()},
            **metrics_of(self.kinds, self.rejections),
        }

    def figures(self) -> dict[str, Any]:
        """What is said beside the model file."""
        return {
            "battery": figures_of(self.battery, self.kinds) if self.battery else None,
            "unseen": [rejection.figures() for rejection in self.rejections],
        }


def measure(
    scorer: GraphScorer,
    dataset: Dataset,
    battery: Battery | None,
    *,
    training: FilmSet,
    validation: FilmSet,
    held_out: Scores | None,
    configuration: TrainAnomalyConfiguration,
) -> Measurement:
    """Score everything there is; without a battery a few spoiled validation films stand in for it.

    `held_out` (n,): the training films' scores by detectors that were fitted to other patients.
    """
    size, seed = training.size, configuration.seed
    training_scores = score_films(scorer, training, name="training")
    validation_scores = score_films(scorer, validation, name="validation")
    thresholds = anomaly_thresholds(training_scores, validation_scores, held_out)
    threshold = thresholds[configuration.default_threshold]
    areas: Mapping[str, float] = {}
    kinds: tuple[KindFigures, ...] = ()
    real_scores = validation_scores
    if battery is None:
        areas = spoiled_areas(scorer, validation, validation_scores, seed=seed)
    else:
        real = validation
        if battery.split != Split.VALIDATION:
            real = real_films(dataset, battery.split, size=size)
            real_scores = score_films(scorer, real, name=battery.split)
        kinds = measure_battery(scorer, battery, real, real_scores, threshold=threshold, seed=seed)
    return Measurement(
        training=training_scores,
        validation=validation_scores,
        thresholds=thresholds,
        areas=dict(areas),
        battery=battery,
        kinds=kinds,
        battery_real=real_scores,
        rejections=measure_rejections(scorer, dataset, size=size, threshold=threshold, seed=seed),
    )


def score_films(scorer: GraphScorer, films: FilmSet, *, name: str) -> Scores:
    """Anomaly scores (n,) of real films as the service will compute them."""
    with progress(f"scoring {name} films", total=len(films)) as reporter:
        return scorer.score(films, "score", advance=reporter.advance)


def write_pictures(
    measured: Measurement, scorer: GraphScorer, validation: FilmSet, configuration: TrainAnomalyConfiguration
) -> None:
    """Write the pictures of the scores, of films, and of the battery into the output folder."""
    folder: Path = configuration.output
    default = configuration.default_threshold
    scores = draw_scores(measured.training, measured.validation, thresholds=measured.thresholds, default=default)
    write_picture(folder / "anomaly-scores.png", scores)
    made = _MADE[configuration.detector]
    films = draw_films(scorer, validation, measured.validation, seed=configuration.seed, made=made)
    write_picture(folder / "anomaly-films.png", films)
    if measured.kinds:
        threshold = measured.thresholds[default]
        battery = draw_battery(measured.kinds, measured.battery_real, threshold=threshold)
        write_picture(folder / "anomaly-battery.png", battery)
