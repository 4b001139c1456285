"""`mammosynth battery score`: what an anomaly model that is there already makes of a battery."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from services.trainer.battery_figures import (
    KindFigures,
    Rejection,
    figures_of,
    measure_battery,
    measure_rejections,
    real_films,
    require_fitting_battery,
)
from services.trainer.configuration import ScoreBatteryConfiguration
from services.trainer.export import GraphScorer
from shared.battery import Battery
from shared.dataset import Dataset
from shared.errors import ConfigurationError, ModelError
from shared.files import write_atomically
from shared.models import ModelArtefact, ModelMetadata, read_model
from shared.progress import progress


def run(configuration: ScoreBatteryConfiguration) -> None:
    """Score a battery and the real films beside it, and print what comes out."""
    battery = Battery.open(configuration.battery)
    dataset = Dataset.open(configuration.dataset)
    model = read_model(configuration.model, "anomaly")
    _require_fitting_model(model, dataset)
    size, threshold = model.metadata.input_size, _threshold(model.metadata, configuration.threshold)
    require_fitting_battery(battery, dataset, size=size)
    scorer = GraphScorer(model.data, threads=configuration.threads)
    real = real_films(dataset, battery.split, size=size)
    with progress(f"scoring {battery.split} films", total=len(real)) as reporter:
        real_scores = scorer.score(real, "score", advance=reporter.advance)
    kinds = measure_battery(scorer, battery, real, real_scores, threshold=threshold, seed=configuration.seed)
    rejections = measure_rejections(scorer, dataset, size=size, threshold=threshold, seed=configuration.seed)
    _print(model.metadata, battery, kinds, rejections, threshold=threshold)
    if configuration.output is not None:
        content: dict[str, Any] = {
            "model": {"name": model.metadata.name, "sha256": model.sha256, "detector": model.metadata.detector},
            "threshold": threshold,
            "battery": figures_of(battery, kinds),
            "unseen": [rejection.figures() for rejection in rejections],
        }
        write_atomically(configuration.output, (json.dumps(content, indent=2) + "\n").encode())


def _require_fitting_model(model: ModelArtefact, dataset: Dataset) -> None:
    """Refuse a model of another data set: nobody could say which of these films it has not seen."""
    found = model.metadata.training_set_sha256
    if found != dataset.sha256:
        raise ModelError(
            f"{model.path}: was trained on the data set with sha256 {found}, needed {dataset.path} with sha256 "
            f"{dataset.sha256}: films that it has not seen cannot be told otherwise"
        )


def _threshold(metadata: ModelMetadata, name: str | None) -> float:
    name = name or metadata.default_threshold
    if name not in metadata.thresholds:
        raise ConfigurationError(f"--threshold: found {name!r}, needed one of {', '.join(sorted(metadata.thresholds))}")
    return metadata.thresholds[name]


def _print(
    metadata: ModelMetadata,
    battery: Battery,
    kinds: Sequence[KindFigures],
    rejections: Sequence[Rejection],
    *,
    threshold: float,
) -> None:
    console = Console()
    table = Table(title=f"{metadata.name} ({metadata.detector}) against real {battery.split} films")
    for column in ("kind", "films", "area under the curve", "95 % interval", f"caught at {threshold:.4g}"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind in kinds:
        interval = f"{kind.low:.3f} to {kind.high:.3f}"
        table.add_row(kind.kind, str(len(kind.scores)), f"{kind.area:.3f}", interval, f"{kind.caught:.0%}")
    console.print(table)
    for rejection in rejections:
        console.print(
            f"real {rejection.split} films rejected: {rejection.share:.1%} of {rejection.films} "
            f"({rejection.low:.1%} to {rejection.high:.1%})",
            markup=False,
        )
