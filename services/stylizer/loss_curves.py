"""Draws how the loss goes in `compat` and in `unclamped`: `python -m services.stylizer.loss_curves CONTENT STYLE`."""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from matplotlib.figure import Figure
from PIL import Image, UnidentifiedImageError
from pydantic import Field

from services.stylizer.batch import Batch
from services.stylizer.job import TransferJob
from services.stylizer.network import Trunk
from services.stylizer.slots import choose_device
from services.stylizer.targets import TargetCache
from services.stylizer.weights import resolve_weights
from shared.configuration import Configuration, Positional, command
from shared.errors import InvalidImageError, MammosynthError, exit_code
from shared.images import Film, resize_film
from shared.log import configure, get_logger
from shared.progress import progress
from shared.recipe import Optimizer, Recipe

_NOTED = (1, 60, 120, 260, 320, 520)


class LossCurvesConfiguration(Configuration, env_prefix="MAMMOSYNTH_STYLIZER_LOSS_CURVES_"):
    """What the curves are drawn from."""

    content: Annotated[Path, Positional()]
    """Grey image of 8 or 16 bit: the film that is changed."""
    style: Annotated[Path, Positional()]
    """Grey image of 8 or 16 bit: the film whose texture is taken."""
    output: Path = Path("loss-curves.png")
    """Picture that is written; it shows no film."""
    size: int = Field(default=256, ge=32, le=2048)
    """Pixels a side that both films are resized to."""
    evaluations: int = Field(default=520, ge=1, le=10_000)
    """Evaluations of the objective."""


def run(configuration: LossCurvesConfiguration) -> None:
    """Optimise one pair with both optimisers, side by side, and draw their losses."""
    content = read_film(configuration.content, configuration.size)
    style = read_film(configuration.style, configuration.size)
    curves = trace(content, style, configuration.evaluations)
    draw(curves, configuration.size).savefig(configuration.output, dpi=120)
    for optimizer, losses in curves.items():
        noted = {f"at_{at}": round(losses[at - 1], 3) for at in _NOTED if at <= len(losses)}
        rises = int((np.diff(losses) > 0).sum())
        get_logger("loss_curves").info("loss", optimizer=str(optimizer), rises=rises, highest=max(losses), **noted)


def read_film(path: Path, size: int) -> Film:
    """Read a grey image of 8 or 16 bit as a film of `size` x `size` pixels.

    Raises:
        InvalidImageError: naming the file.

    """
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image)
    except (OSError, UnidentifiedImageError) as error:
        raise InvalidImageError(f"{path}: found no image ({error})") from error
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise InvalidImageError(f"{path}: found {pixels.dtype} of shape {pixels.shape}, needed grey of 8 or 16 bit")
    return resize_film((pixels / np.iinfo(pixels.dtype).max).astype(np.float32), size, size)


def trace(content: Film, style: Film, evaluations: int) -> dict[Optimizer, list[float]]:
    """Losses of every evaluation, by optimiser, with the default recipe otherwise."""
    trunk = Trunk(resolve_weights(), content.shape[0], device=choose_device(), dtype=torch.float32)
    batch = Batch(trunk, slots=len(Optimizer), history=100, targets=TargetCache(256 * 1024**2))
    curves: dict[Optimizer, list[float]] = {}
    for slot, optimizer in enumerate(Optimizer):
        batch.place(slot, TransferJob(content=content, style=style, recipe=Recipe(optimizer=optimizer)))
        curves[optimizer] = []
    with progress("evaluations", total=evaluations) as shown:
        for _ in range(evaluations):
            batch.step()
            for slot, losses in enumerate(curves.values()):
                losses.append(batch.read(slot).loss)
            shown.advance(note=", ".join(f"{optimizer} {losses[-1]:.2f}" for optimizer, losses in curves.items()))
    return curves


def draw(curves: dict[Optimizer, list[float]], size: int) -> Figure:
    """Draw the losses over the evaluations, the losses on a logarithmic scale."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for optimizer, losses in curves.items():
        axes.plot(range(1, len(losses) + 1), losses, label=str(optimizer), linewidth=1.2)
    axes.set_yscale("log")
    axes.set_xlabel("evaluations of the objective")
    axes.set_ylabel("loss")
    axes.set_title(f"One pair of films at {size} px, default recipe")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend()
    return figure


def main() -> None:
    """Run the command."""
    configure()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command(app, "loss-curves", LossCurvesConfiguration, run)
    try:
        app()
    except MammosynthError as error:
        typer.echo(f"{error.code}: {error.message}", err=True)
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()
