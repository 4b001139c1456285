"""The picture of a training: its losses, and what was validated, epoch by epoch."""

import io
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from services.trainer.optimisation import History
from shared.files import write_atomically


def draw_curves(history: History) -> Figure:
    """Draw training and validation loss over the epochs, and other validation figures on a second axis."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    losses = figure.subplots()
    epochs = range(1, len(history.epochs) + 1)
    names = list(history.epochs[0])
    for name in (name for name in names if name.endswith("loss")):
        losses.plot(epochs, [figures[name] for figures in history.epochs], label=_label(name), marker=_marker(epochs))
    losses.set(xlabel="epoch", ylabel="mean loss", yscale="log")
    losses.xaxis.set_major_locator(MaxNLocator(integer=True))
    losses.axvline(history.kept_epoch, color="grey", linestyle=":", label=f"kept: epoch {history.kept_epoch}")
    others = [name for name in names if not name.endswith("loss")]
    if others:
        shares = losses.twinx()
        for name, color in zip(others, ("tab:green", "tab:red"), strict=False):
            values = [figures[name] for figures in history.epochs]
            shares.plot(epochs, values, label=_label(name), color=color, linestyle="--", marker=_marker(epochs))
        shares.set(ylim=(0, 1))
        shares.legend(loc="lower left")
    losses.legend(loc="upper right")
    return figure


def write_curves(path: Path, history: History) -> None:
    """Write the picture as a PNG, in one piece."""
    write_picture(path, draw_curves(history))


def write_picture(path: Path, figure: Figure) -> None:
    """Write a figure as a PNG, in one piece; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_atomically(path, buffer.getvalue())


def _label(name: str) -> str:
    return name.replace("_", " ").replace("auc", "area under the curve")


def _marker(epochs: range) -> str:
    """One epoch makes no line."""
    return "o" if len(epochs) < 3 else ""
