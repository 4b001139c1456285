"""Loss curves of one pair: a panel for each optimiser and axis."""

import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from services.orchestrator.sweep.outcome import Outcome
from services.orchestrator.sweep.settings import Axis, Setting, trajectory_name

_TITLES = {
    Axis.STEPS: "steps (dots: films that are shown)",
    Axis.CONTENT_WEIGHT: "content weight",
    Axis.CONTENT_LAYER: "content layer",
}


def draw_curves(outcome: Outcome, settings: Sequence[Setting]) -> Figure:
    """Draw the objective over evaluations, logarithmic; over other weights it is another objective."""
    optimizers = list(dict.fromkeys(setting.recipe.optimizer for setting in settings))
    figure = Figure(figsize=(4.2 * len(Axis), 3.4 * len(optimizers)), layout="constrained")
    panels = figure.subplots(len(optimizers), len(Axis), squeeze=False)
    for row, optimizer in zip(panels, optimizers, strict=True):
        for axes, axis in zip(row, Axis, strict=True):
            shown = [item for item in settings if item.axis is axis and item.recipe.optimizer is optimizer]
            for setting in shown[-1:] if axis is Axis.STEPS else shown:
                _draw(axes, outcome, setting)
            axes.set_title(f"{optimizer}: {_TITLES[axis]}", fontsize=9)
            axes.set_yscale("log")
            axes.set_xlabel("evaluations of the objective", fontsize=8)
            axes.set_ylabel("loss", fontsize=8)
            axes.tick_params(which="both", labelsize=7)
            axes.grid(visible=True, which="major", alpha=0.3)
            if axis is not Axis.STEPS:
                axes.legend(fontsize=7)
    figure.suptitle(f"{outcome.content.image_id} in the style of {outcome.style.image_id}", fontsize=10)
    return figure


def _draw(axes: object, outcome: Outcome, setting: Setting) -> None:
    record = outcome.trajectories[trajectory_name(setting.recipe)]
    points = (
        record.curve
        if setting.axis is Axis.STEPS
        else [point for point in record.curve if point.steps <= setting.recipe.steps]
    )
    axes.plot([p.evaluations for p in points], [p.loss for p in points], linewidth=1.2, label=setting.value)  # type: ignore[attr-defined]
    if setting.axis is Axis.STEPS:
        shown = [film.point for film in record.shown]
        axes.plot([p.evaluations for p in shown], [p.loss for p in shown], "o", markersize=4)  # type: ignore[attr-defined]


def as_png(figure: Figure) -> bytes:
    """Write a figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
