"""A sweep as data: one row a picture in `table.csv` and `table.parquet`, one row a point in `curves.parquet`."""

from collections.abc import Sequence
from typing import Any

from services.orchestrator.sweep.outcome import Outcome
from services.orchestrator.sweep.records import SweepRecords
from services.orchestrator.sweep.settings import Setting, trajectory_name
from shared.recipe import Recipe
from shared.record import Scores


def picture_rows(outcome: Outcome, settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """One row a picture; what is not known, as scores without gates, is None."""
    return [_picture(outcome, setting) for setting in settings]


def curve_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """One row a point of a loss curve."""
    return [
        {
            **_pair(outcome),
            **_recipe(record.recipe),
            "evaluations": point.evaluations,
            "loss": point.loss,
            "content_loss": point.content_loss,
            "style_loss": point.style_loss,
            "mean_absolute_change": point.mean_absolute_change,
        }
        for _, record in sorted(outcome.trajectories.items())
        for point in record.curve
    ]


def _picture(outcome: Outcome, setting: Setting) -> dict[str, Any]:
    found = outcome.results.get(setting)
    shown = found[1] if found else None
    point = shown.point if shown else None
    name = SweepRecords.film_name(outcome.pair.name, trajectory_name(setting.recipe), setting.recipe.steps)
    return {
        **_pair(outcome),
        "axis": str(setting.axis),
        "value": setting.value,
        **_recipe(setting.recipe),
        "steps": setting.recipe.steps,
        "evaluations": point and point.evaluations,
        "loss": point and point.loss,
        "content_loss": point and point.content_loss,
        "style_loss": point and point.style_loss,
        "mean_absolute_change": point and point.mean_absolute_change,
        **_scores("", shown.scores if shown else None),
        **_scores("content_", outcome.content.scores),
        **_scores("style_", outcome.style.scores),
        "film": name if shown else None,
        "sha256": shown.sha256 if shown else None,
        "diverged": outcome.trajectories[trajectory_name(setting.recipe)].diverged if shown is None else "",
    }


def _pair(outcome: Outcome) -> dict[str, Any]:
    return {
        "content": outcome.content.image_id,
        "content_patient": outcome.pair.content.patient_id,
        "content_label": outcome.content.label,
        "style": outcome.style.image_id,
        "style_patient": outcome.pair.style.patient_id,
        "style_label": outcome.style.label,
    }


def _recipe(recipe: Recipe) -> dict[str, Any]:
    return {
        "optimizer": str(recipe.optimizer),
        "region": str(recipe.region),
        "content_layer": recipe.content_layer,
        "content_weight": recipe.content_weight,
        "style_weight": recipe.style_weight,
    }


def _scores(prefix: str, scores: Scores | None) -> dict[str, float | None]:
    return {
        f"{prefix}anomaly": scores.anomaly if scores else None,
        f"{prefix}probability": scores.probability if scores else None,
        f"{prefix}logit": scores.logit if scores else None,
    }
