"""What a sweep found, setting by setting: as CSV, as parquet, and on a terminal."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.orchestrator.tuning.ordering import Choice
from services.orchestrator.tuning.outcomes import Difference, Row
from services.orchestrator.tuning.policy_file import Tuned

_PRINTED = 25
_WIDTH = 150
"""Of a log file's table, in characters."""


@dataclass(frozen=True)
class RankedRow:
    """A setting with its place in the policy."""

    row: Row
    choice: Choice | None
    """Its trial in the policy; None where it is none."""
    trial: int | None
    """Number of that trial, from 1."""


def rank(rows: Sequence[Row], tuned: Tuned) -> tuple[RankedRow, ...]:
    """The policy's settings in its order, then the others by excess acceptance per evaluation, best first."""
    places = {tuned.outcomes.settings[choice.setting]: number for number, choice in enumerate(tuned.order.choices)}
    chosen = sorted((row for row in rows if row.recipe in places), key=lambda row: places[row.recipe])
    others = [row for row in rows if row.recipe not in places]
    others.sort(
        key=lambda row: (-row.acceptance_difference.mean / row.evaluations, -_finite(row.logit_difference.mean))
    )
    return tuple(
        RankedRow(row, tuned.order.choices[places[row.recipe]], places[row.recipe] + 1) for row in chosen
    ) + tuple(RankedRow(row, None, None) for row in others)


def as_records(ranked: Sequence[RankedRow], seconds_per_evaluation: float | None) -> list[dict[str, Any]]:
    """Rows as plain values, in their order; seconds are those of one film's whole trajectory up to its steps."""
    return [_record(item, seconds_per_evaluation) for item in ranked]


def as_csv(records: Sequence[dict[str, Any]]) -> bytes:
    """Write the table; what is not known stays empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return buffer.getvalue().encode()


def as_parquet(records: Sequence[dict[str, Any]]) -> bytes:
    """Write the table."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(records)), buffer)
    return buffer.getvalue()


def print_table(ranked: Sequence[RankedRow], seconds_per_evaluation: float | None, *, title: str) -> None:
    """Print the policy's settings and the best of the others."""
    table = Table(title=Text(title), caption="malignant | placebo; differences with 95 % intervals over contents")
    for name in ("trial", "recipe", "steps", "s/film", "moved", "P(malignant)", "accepted"):
        table.add_column(name, justify="left" if name == "recipe" else "right")
    table.add_column("difference of acceptance")
    table.add_column("of the logit")
    for item in ranked[:_PRINTED]:
        row, recipe = item.row, item.row.recipe
        weights = f"{recipe.content_weight:g}:{recipe.style_weight:g}"
        layers = "" if len(recipe.style_layers) == 5 else " " + "+".join(layer[-1] for layer in recipe.style_layers)
        seconds = "-" if seconds_per_evaluation is None else f"{seconds_per_evaluation * row.evaluations:.1f}"
        table.add_row(
            str(item.trial or ""),
            f"{recipe.region} {recipe.content_layer} {weights}{layers}",
            str(recipe.steps),
            seconds,
            f"{row.change:.3f}|{row.placebo_change:.3f}",
            f"{row.probability:.2f}|{row.placebo_probability:.2f}",
            f"{row.accepted:.0%}|{row.placebo_accepted:.0%}",
            _difference(row.acceptance_difference),
            _difference(row.logit_difference),
            style="bold" if item.trial else None,
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(table)
    if len(ranked) > _PRINTED:
        console.print(f"and {len(ranked) - _PRINTED} more settings in table.csv")


def _record(item: RankedRow, seconds_per_evaluation: float | None) -> dict[str, Any]:
    row, recipe = item.row, item.row.recipe
    seconds = None if seconds_per_evaluation is None else round(seconds_per_evaluation * row.evaluations, 3)
    excess = row.acceptance_difference.mean
    return {
        "trial": item.trial,
        "region": str(recipe.region),
        "content_layer": recipe.content_layer,
        "style_layers": "+".join(recipe.style_layers),
        "content_weight": recipe.content_weight,
        "style_weight": recipe.style_weight,
        "optimizer": str(recipe.optimizer),
        "steps": recipe.steps,
        "evaluations": row.evaluations,
        "seconds_a_film": seconds,
        "pairs": row.pairs,
        "mean_absolute_change": _known(row.change),
        "placebo_mean_absolute_change": _known(row.placebo_change),
        "anomaly": _known(row.anomaly),
        "placebo_anomaly": _known(row.placebo_anomaly),
        "probability": _known(row.probability),
        "placebo_probability": _known(row.placebo_probability),
        "accepted": row.accepted,
        "placebo_accepted": row.placebo_accepted,
        **_flat("acceptance_difference", row.acceptance_difference),
        **_flat("logit_difference", row.logit_difference),
        "excess_per_100_seconds": None if not seconds else round(100 * excess / seconds, 4),
        "policy_taken": item.choice.taken if item.choice else None,
        "policy_placebo_taken": item.choice.placebo_taken if item.choice else None,
        "policy_evaluations_a_pair": item.choice.work if item.choice else None,
    }


def _flat(name: str, difference: Difference) -> dict[str, float | None]:
    return {name: _known(difference.mean), f"{name}_low": difference.low, f"{name}_high": difference.high}


def _known(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124  NaN is not itself


def _finite(value: float) -> float:
    return value if value == value else -1e9  # noqa: PLR0124


def _difference(difference: Difference) -> str:
    text = f"{difference.mean:+.2f}"
    return (
        text
        if difference.low is None or difference.high is None
        else f"{text} ({difference.low:+.2f} to {difference.high:+.2f})"
    )
