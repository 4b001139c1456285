"""The page of a run: one HTML file that needs nothing beside it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.evaluator.films import OriginalFilms
from services.evaluator.report import wording
from services.evaluator.report.panels import Panel
from services.evaluator.report.tallies import Count, Funnel, Pace, TrialTally
from services.evaluator.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that a page shows."""

    run: RunDirectory
    originals: OriginalFilms
    benign: int | None
    """Films that contents were drawn from, where they are known."""
    malignant: int | None
    funnel: Funnel
    decisions: list[Count]
    trial_reasons: list[Count]
    trials: list[TrialTally]
    pace: Pace | None
    accepted: list[Panel]
    rejected: dict[str, list[Panel]]
    """By their weightiest reason."""
    amplification: int
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
        "duration": wording.duration,
        "recipe": wording.recipe,
        "numerics": wording.numerics,
        "count_of": wording.count_of,
        "difference": wording.difference,
    }
    return environment
