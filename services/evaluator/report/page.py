"""The page of a run: one HTML file that needs nothing beside it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.evaluator.films import OriginalFilms
from services.evaluator.report import wording
from services.evaluator.report.class_balance import ClassCount
from services.evaluator.report.embedding import RecordArchive
from services.evaluator.report.gallery import Gallery
from services.evaluator.report.gate_figures import GateFigures
from services.evaluator.report.grids import Grid
from services.evaluator.report.judges import JudgeReport
from services.evaluator.report.recipes import RecipeTally
from services.evaluator.report.tallies import Count, Funnel, Pace, TrialTally
from services.evaluator.report.uplift_section import UpliftSection
from services.evaluator.run_directory import RunDirectory
from shared.durations import duration


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that a page shows."""

    run: RunDirectory
    originals: OriginalFilms
    benign: int | None
    """Films that contents were drawn from, where they are known."""
    malignant: int | None
    classes: list[ClassCount]
    """Empty where the data set is not there."""
    gates: GateFigures
    funnel: Funnel
    vetoes: dict[int, str]
    """Accepted pairs whose films people do not want, each with the reason."""
    placebo_funnel: Funnel | None
    """Of the twins; None where there are none."""
    placebo: dict[str, Any]
    """The twins beside their pairs."""
    decisions: list[Count]
    trial_reasons: list[Count]
    trials: list[TrialTally]
    recipes: list[RecipeTally]
    pace: Pace | None
    price_per_hour: float | None
    """Of one worker."""
    gallery: Gallery
    evaluation: dict[str, Any] | None
    evaluation_is_old: bool
    """Whether films were accepted, or vetoed, since."""
    judges: list[JudgeReport]
    judge_problems: list[str]
    """Judge files that cannot be read."""
    uplift: UpliftSection | None
    uplift_controls: list[dict[str, Any]]
    near_copies: Grid
    patients: Grid
    pairs: Grid
    records: RecordArchive
    picture_size: int
    written: datetime


def render(page: Page) -> str:
    """Write the page as HTML; whatever stands in records and names is escaped."""
    return _environment().get_template("report.html").render(page=page, run=page.run, pins=page.run.pins)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("services.evaluator.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "outcome_name": wording.outcome_name,
        "outcome_meaning": wording.outcome_meaning,
        "percent": wording.percent,
        "number": wording.number,
        "duration": duration,
        "recipe": wording.recipe,
        "numerics": wording.numerics,
        "count_of": wording.count_of,
        "difference": wording.difference,
        "spread": wording.spread,
        "money": wording.money,
        "megabytes": wording.megabytes,
    }
    return environment
