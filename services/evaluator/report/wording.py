"""Words and numbers as people read them."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from shared.recipe import Recipe

OUTCOMES = {
    "accepted": "Both gates let the film pass.",
    "anomalous": "The detector finds the film less plausible than real films are.",
    "still_benign": "The classifier still calls the film benign.",
    "low_confidence": "The classifier calls the film malignant, without enough confidence.",
    "unchanged": "The film moved less from its content than the policy demands.",
    "diverged": "The optimisation left the numbers: there is no film to score.",
    "content_not_benign": "The classifier does not call the content benign to begin with, so nothing could be shown.",
    "exhausted": "All recipes were tried, and none led to a film that both gates let pass.",
    "not_ended": "There is no record of these pairs yet.",
}
"""What the names in the records mean."""


def outcome_name(name: str) -> str:
    """Read a name of a record as words."""
    return name.replace("_", " ").capitalize() or "Without a reason"


def outcome_meaning(name: str) -> str:
    """Say what a name of a record means; empty for one that is not known here."""
    return OUTCOMES.get(name, "")


def percent(share: float) -> str:
    """Write a share of 0 to 1 as a percentage; what is small is not called nothing."""
    if 0.0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1.0:
        return "> 99 %"
    return f"{share * 100:.0f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with a fixed count of digits; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"  # noqa: RUF001  the dash is meant


def money(amount: float) -> str:
    """Write an amount with two decimals, or with as many as show two digits of it."""
    decimals = 2 if amount <= 0 else max(2, 1 - math.floor(math.log10(amount)))
    return f"{amount:,.{decimals}f}"


def difference(values: Mapping[str, float] | None) -> str:
    """Write a difference with its 95 % interval, where there is one."""
    if values is None:
        return "not known"
    if "low" not in values:
        return f"{values['mean']:+.2f} (too few content films for an interval)"
    return f"{values['mean']:+.2f} (95 % interval {values['low']:+.2f} to {values['high']:+.2f})"


def spread(values: Mapping[str, float]) -> str:
    """Write a mean with the interval around it."""
    return f"{values['mean']:.3g} ({values['low']:.3g} to {values['high']:.3g})"


def megabytes(count: int) -> str:
    """Write bytes in millions."""
    return f"{count / 1e6:.1f} MB"


def recipe(of: Recipe | Mapping[str, Any], evaluations: int = 0) -> str:
    """Write a recipe in one line: content layer, weights of content and style, steps, region, optimiser.

    Args:
        of: a trial's recipe, or one as it stands in a policy.
        evaluations: that were made; told where they are not the same number as the steps, and not 0.

    """
    values = asdict(of) if isinstance(of, Recipe) else of
    steps = int(values.get("steps", 0))
    weights = " : ".join(_weight(float(values.get(name, 0.0))) for name in ("content_weight", "style_weight"))
    more = f" ({evaluations:,} evaluations)" if evaluations not in (0, steps) else ""
    told = f"{steps:,} steps{more}" if steps else ""
    parts = [values.get("content_layer"), f"weights {weights}", told, values.get("region")]
    return ", ".join(str(part) for part in (*parts, values.get("optimizer")) if part)


def _weight(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() and value < 1e9 else f"{value:g}"


def numerics(values: Mapping[str, Any]) -> str:
    """Write one kind of numerics in one line, versions of libraries last."""
    versions = values.get("versions")
    named = {name.replace("_", " "): value for name, value in values.items() if name != "versions" and value}
    return ", ".join(f"{name} {value}" for name, value in (named | dict(versions or {})).items())


def count_of(count: int, one: str, many: str) -> str:
    """Write a number with its noun."""
    return f"{count:,} {one if count == 1 else many}"
