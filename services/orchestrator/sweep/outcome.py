"""What a sweep made of one pair, read back from its records."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.orchestrator.sweep.pairs import SweptPair
from services.orchestrator.sweep.records import Shown, SweepRecords, TrajectoryRecord
from services.orchestrator.sweep.settings import Setting, trajectory_name
from shared.dataset import Dataset
from shared.errors import DatasetError
from shared.images import Film, Mask
from shared.record import Scores


@dataclass(frozen=True)
class Original:
    """A content or a style, and what the gates say of it."""

    image_id: str
    label: str
    film: Film
    mask: Mask
    scores: Scores | None


@dataclass(frozen=True)
class Outcome:
    """One pair with everything that it was turned into."""

    pair: SweptPair
    content: Original
    style: Original
    results: dict[Setting, tuple[Film, Shown]]
    """Missing where the optimisation left the numbers before."""
    trajectories: dict[str, TrajectoryRecord]
    """By name."""


def collect(dataset: Dataset, pair: SweptPair, settings: Sequence[Setting], records: SweepRecords) -> Outcome:
    """Read what a finished sweep made of a pair.

    Raises:
        DatasetError: if a record or a film is missing or broken.

    """
    scores = records.originals()
    trajectories: dict[str, TrajectoryRecord] = {}
    films: dict[tuple[str, int], Film] = {}
    results = {}
    for setting in settings:
        name = trajectory_name(setting.recipe)
        record = trajectories.get(name) or records.read(pair.name, name)
        if record is None:
            raise DatasetError(f"{records.path}: found no record of {name} of the pair {pair.name}")
        trajectories[name] = record
        shown = record.at(setting.recipe.steps)
        if shown is None:
            continue
        key = (name, setting.recipe.steps)
        if key not in films:
            films[key] = records.film(pair.name, name, shown)
        results[setting] = (films[key], shown)
    return Outcome(
        pair=pair,
        content=_original(dataset, pair.content.image_id, scores),
        style=_original(dataset, pair.style.image_id, scores),
        results=results,
        trajectories=trajectories,
    )


def _original(dataset: Dataset, image_id: str, scores: dict[str, Scores]) -> Original:
    return Original(
        image_id=image_id,
        label=str(dataset.film(image_id).label),
        film=dataset.pixels(image_id),
        mask=dataset.mask(image_id),
        scores=scores.get(image_id),
    )
