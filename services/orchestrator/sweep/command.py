"""`mammosynth sweep`: the paper's exploration of steps, content weight and content layer, for any pairs."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from rich.console import Console

from services.orchestrator.configuration import SweepConfiguration
from services.orchestrator.contact_sheet import as_png
from services.orchestrator.pinned import pin, with_dtype
from services.orchestrator.stopping import cancelled_by_signals
from services.orchestrator.sweep import curves
from services.orchestrator.sweep.grids import AcrossPairs, axis_grid
from services.orchestrator.sweep.outcome import collect
from services.orchestrator.sweep.pairs import SweptPair, choose_pairs
from services.orchestrator.sweep.records import SweepRecords
from services.orchestrator.sweep.settings import Axis, Setting, Trajectory, make_settings, make_trajectories
from services.orchestrator.sweep.tables import curve_rows, picture_rows
from services.orchestrator.sweep.work import connected, run_sweep, wants_gates
from services.orchestrator.tuning.table import as_csv, as_parquet
from shared.dataset import Dataset
from shared.durations import duration
from shared.errors import EXIT_TERMINATED
from shared.files import write_atomically
from shared.log import get_logger


def run(configuration: SweepConfiguration) -> int:
    """Sweep, and draw what came out; returns the exit code, 143 where a signal ended the work.

    Raises:
        ConfigurationError: if options do not fit together, or with the gates.
        NotFoundError: if a film that was named is not there.
        DatasetError: if the data set cannot be read, or has too few films.
        RefusedRunError: if the folder holds a sweep that was begun otherwise.
        MammosynthError: a fault that outlasted the patience; the same command goes on where it was.

    """
    dataset = Dataset.open(configuration.dataset)
    settings = make_settings(configuration)
    pairs = choose_pairs(dataset, configuration)
    wants_gates(configuration)
    records = SweepRecords(configuration.output)
    try:
        thresholds = asyncio.run(_sweep(configuration, dataset, pairs, make_trajectories(settings), records))
    except asyncio.CancelledError:
        get_logger("sweep").warning("stopped before the end; the same command goes on")
        return EXIT_TERMINATED
    _show(dataset, pairs, settings, records, thresholds)
    return 0


async def _sweep(
    configuration: SweepConfiguration,
    dataset: Dataset,
    pairs: Sequence[SweptPair],
    trajectories: Sequence[Trajectory],
    records: SweepRecords,
) -> dict[str, float]:
    configuration = with_dtype(configuration, records.dtype())
    with cancelled_by_signals():
        async with connected(configuration, dataset, configuration.output / "logs") as services:
            pins = {
                "dataset_sha256": dataset.sha256,
                "size": dataset.size,
                "region": configuration.region,
                "style_weight": configuration.style_weight,
                "models": {name: asdict(model) for name, model in services.models.items()},
                "dtype": services.dtype,
                "version": version("mammosynth"),
            }
            pin(records.path / "sweep.json", pins, what="sweep", older={"dtype": records.dtype()})
            await run_sweep(dataset, pairs, trajectories, records, services)
            return services.thresholds


def _show(
    dataset: Dataset,
    pairs: Sequence[SweptPair],
    settings: Sequence[Setting],
    records: SweepRecords,
    thresholds: dict[str, float],
) -> None:
    """Draw the pictures pair by pair, and write the tables."""
    console = Console()
    across = AcrossPairs(settings, thresholds)
    pictures: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []

    def write(name: str, data: bytes) -> None:
        write_atomically(records.path / name, data)
        console.print(f"picture {records.path / name}", soft_wrap=True, highlight=False, markup=False)

    for pair in pairs:
        outcome = collect(dataset, pair, settings, records)
        for axis in Axis:
            write(f"pairs/{pair.name}/{axis}.png", as_png(axis_grid(outcome, settings, axis, thresholds)))
        write(f"pairs/{pair.name}/loss.png", curves.as_png(curves.draw_curves(outcome, settings)))
        across.add(outcome)
        pictures += picture_rows(outcome, settings)
        points += curve_rows(outcome)
    write("pairs.png", as_png(across.draw()))
    for name, data in (("table.csv", as_csv(pictures)), ("table.parquet", as_parquet(pictures))):
        write_atomically(records.path / name, data)
    write_atomically(records.path / "curves.parquet", as_parquet(points))
    seconds, timed = records.seconds()
    console.print(f"tables {records.path / 'table.csv'}, table.parquet, curves.parquet", soft_wrap=True, markup=False)
    console.print(f"{timed} trajectories were timed: {duration(seconds)} of work", highlight=False)
