"""How well a detector tells a battery's spoiled films from real films, and how many real films it rejects for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet, load_films
from services.trainer.metrics import bootstrap_share
from shared.battery import Battery
from shared.dataset import Dataset, Split
from shared.errors import DatasetError
from shared.images import resize_film, resize_mask
from shared.progress import progress
from shared.roc import area_under_curve, bootstrap_area

Scores = NDArray[np.float64]

UNSEEN_SPLITS = (Split.GENERATION, Split.TEST)
"""Real films that neither a training nor a threshold has seen."""


@dataclass(frozen=True, kw_only=True)
class KindFigures:
    """What a detector makes of one way to spoil films."""

    kind: str
    area: float
    """Area under the ROC curve against real films; 0.5 is what a coin achieves."""
    low: float
    """Where the area's 95 % interval over patients starts."""
    high: float
    caught: float
    """Share of the spoiled films above the threshold."""
    scores: Scores
    """Of the spoiled films, (n,)."""

    def figures(self) -> dict[str, float]:
        """Numbers by name."""
        names = ("auc", "auc_low", "auc_high", "caught")
        return {
            "films": len(self.scores),
            **dict(zip(names, (self.area, self.low, self.high, self.caught), strict=True)),
        }


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Share of real films above the threshold, that neither training nor threshold has seen."""

    split: str
    films: int
    patients: int
    share: float
    low: float
    """Where the share's 95 % interval over patients starts."""
    high: float

    def figures(self) -> dict[str, Any]:
        """Numbers by name."""
        return {
            "split": self.split,
            "films": self.films,
            "patients": self.patients,
            "rejected": self.share,
            "rejected_low": self.low,
            "rejected_high": self.high,
        }


def require_fitting_battery(battery: Battery, dataset: Dataset, *, size: int) -> None:
    """Check that a battery can measure a model of `size` pixels that was trained on a data set.

    Larger films are brought to the model's size, as a service does. Raises DatasetError when the battery was made from
    another data set, from training films, or of films smaller than the model's.
    """
    if battery.dataset_sha256 != dataset.sha256:
        raise DatasetError(
            f"battery {battery.path}: was made from the data set with sha256 {battery.dataset_sha256}, needed "
            f"{dataset.path} with sha256 {dataset.sha256}"
        )
    if battery.split == Split.TRAIN:
        raise DatasetError(f"battery {battery.path}: was made from train films, needed films that no training has seen")
    if battery.size < size:
        raise DatasetError(
            f"battery {battery.path}: found films of {battery.size} pixels, needed {size} or more, the model's size"
        )


def measure_battery(
    scorer: GraphScorer, battery: Battery, real: FilmSet, real_scores: Scores, *, threshold: float, seed: int
) -> tuple[KindFigures, ...]:
    """Score a battery's films, and compare each kind with the scores (n,) of `real` films of the battery's split."""
    measured = []
    with progress("scoring the battery", total=len(battery.films)) as reporter:
        for kind in battery.kinds:
            films = battery.of_kind(kind)
            if not films:  # all of them were left out when the battery was made
                continue
            scores = np.empty(len(films))
            for index, film in enumerate(films):
                pixels = resize_film(battery.pixels(film), real.size, real.size)
                mask = resize_mask(battery.mask(film), real.size, real.size)
                scores[index] = scorer.run(pixels, mask)["score"][0]
                reporter.advance(note=kind)
            patients = np.concatenate([real.patients, np.array([film.patient_id for film in films])])
            labels = np.repeat([False, True], [len(real), len(films)])
            both = np.concatenate([real_scores, scores])
            interval = bootstrap_area(labels, both, patients, seed=seed)
            measured.append(
                KindFigures(
                    kind=kind,
                    area=area_under_curve(labels, both),
                    low=interval.low,
                    high=interval.high,
                    caught=float((scores > threshold).mean()),
                    scores=scores,
                )
            )
    return tuple(measured)


def real_films(dataset: Dataset, split: str, *, size: int) -> FilmSet:
    """Films of one split at the model's size; raises DatasetError when there are none."""
    return load_films(dataset, splits=[Split(split)], size=size)


def measure_rejections(
    scorer: GraphScorer, dataset: Dataset, *, size: int, threshold: float, seed: int
) -> tuple[Rejection, ...]:
    """Shares of the unseen films above the threshold, of each split that the data set has."""
    rejections = []
    for split in UNSEEN_SPLITS:
        if not dataset.select(split=split):
            continue
        films = real_films(dataset, split, size=size)
        rejected = scorer.score(films, "score") > threshold
        interval = bootstrap_share(rejected, films.patients, seed=seed)
        rejections.append(
            Rejection(
                split=split.value,
                films=len(films),
                patients=len(np.unique(films.patients)),
                share=float(rejected.mean()),
                low=interval.low,
                high=interval.high,
            )
        )
    return tuple(rejections)


def figures_of(battery: Battery, kinds: Sequence[KindFigures]) -> dict[str, Any]:
    """All that is said of a battery beside a model, for JSON."""
    return {
        "sha256": battery.sha256,
        "split": battery.split,
        "size": battery.size,
        "kinds": {kind.kind: kind.figures() for kind in kinds},
    }


def metrics_of(kinds: Sequence[KindFigures], rejections: Sequence[Rejection]) -> Mapping[str, float]:
    """What a model file carries of it."""
    metrics = {f"battery_auc_{kind.kind}": kind.area for kind in kinds}
    metrics |= {f"battery_caught_{kind.kind}": kind.caught for kind in kinds}
    return metrics | {f"{rejection.split}_rejected": rejection.share for rejection in rejections}
