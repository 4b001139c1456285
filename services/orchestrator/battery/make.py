"""`mammosynth battery make`: spoil real films, in pixels and by style transfer, into a folder for the trainer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from services.orchestrator.battery.plan import Plan, Stylised, make_plan
from services.orchestrator.children import running_services
from services.orchestrator.configuration import BatteryConfiguration
from services.orchestrator.faults import Patience
from services.orchestrator.insets import PairFilms
from services.orchestrator.stopping import cancelled_by_signals, unless_broken
from services.orchestrator.stylizer_peer import GrpcStylizer
from services.orchestrator.trajectories import run_trajectory, work_through
from shared.battery import Battery, BatteryFilm, BatteryWriter, LeftOut, spoil
from shared.battery.folder import film_file
from shared.dataset import Dataset, Split
from shared.dataset import Film as FilmEntry
from shared.errors import EXIT_TERMINATED, ModelMismatchError
from shared.images import Film, sha256_pixels
from shared.log import get_logger
from shared.progress import progress
from shared.record import Model


def run(configuration: BatteryConfiguration) -> int:
    """Make a battery, or what is left of one that was begun; returns the exit code, 143 where a signal ended it.

    Raises:
        DatasetError: if the split has too few films, or the data set is broken.
        RefusedRunError: if the folder holds a battery that was begun otherwise.
        MammosynthError: a fault that outlasted the patience; the same command goes on.

    """
    dataset = Dataset.open(configuration.dataset)
    split = Split(configuration.split)
    plan = make_plan(
        dataset.select(split=split),
        count=configuration.films,
        stylised=configuration.stylised_films,
        most_steps=configuration.most_steps,
        seed=configuration.seed,
        where=f"{dataset.path}, split {split}",
    )
    writer = BatteryWriter(
        configuration.output,
        dataset_sha256=dataset.sha256,
        size=dataset.size,
        seed=configuration.seed,
        split=split,
        kinds=plan.kinds,
        plan=plan.described(),
    )
    if not writer.finished:
        _spoil(dataset, plan, writer, configuration.seed)
        try:
            asyncio.run(_stylise(configuration, dataset, plan, writer))
        except asyncio.CancelledError:
            get_logger("battery").warning("stopped before the end; the same command goes on")
            return EXIT_TERMINATED
        writer.finish(plan.wanted)
    _print(Battery.open(configuration.output))
    return 0


def _spoil(dataset: Dataset, plan: Plan, writer: BatteryWriter, seed: int) -> None:
    missing = [item for item in plan.spoilt if writer.entry(item.kind, item.content.image_id) is None]
    with progress("spoiling films", total=len(plan.spoilt), done=len(plan.spoilt) - len(missing)) as reporter:
        for item in missing:
            film, mask = dataset.pixels(item.content.image_id), dataset.mask(item.content.image_id)
            donor = dataset.pixels(item.donor.image_id)
            key = int(item.content.sha256[:16], 16)  # the pixels' own, whatever else the data set holds
            spoiled = spoil(item.kind, film, mask, donor, seed=(seed, key))
            change = np.abs(spoiled.astype(np.float64) - film)[mask].mean()
            writer.write_film(_entry(item.kind, item.content, item.donor, spoiled, change=change), spoiled, mask)
            reporter.advance(note=item.kind)


async def _stylise(configuration: BatteryConfiguration, dataset: Dataset, plan: Plan, writer: BatteryWriter) -> None:
    missing = [item for item in plan.stylised if _missing(item, writer)]
    if not missing:
        return
    with cancelled_by_signals():
        async with (
            running_services(configuration, logs=configuration.output / "logs", names=("stylizer",)) as (
                addresses,
                broken,
            ),
            GrpcStylizer.of(configuration, addresses["stylizer"]) as stylizer,
        ):
            info = await stylizer.info(timeout_s=configuration.start_timeout_s)
            trunk = Model(name=info.trunk.name, sha256=info.trunk.sha256)
            _refuse_another_trunk(plan.stylised, writer, trunk)
            stylizer.pin(trunk, info.numerics.dtype)
            workshop = _Workshop(dataset, writer, stylizer, trunk)
            total = len(plan.stylised)
            with progress("stylising films", total=total, done=total - len(missing)) as reporter:

                async def work(item: Stylised) -> None:
                    await workshop.make(item)
                    reporter.advance(note=", ".join(item.kinds))

                in_flight = 2 * max(1, info.numerics.slots)
                await unless_broken(broken, work_through(missing, work, in_flight=in_flight))


@dataclass(frozen=True)
class _Workshop:
    """What every trajectory of a battery is made with."""

    dataset: Dataset
    writer: BatteryWriter
    stylizer: GrpcStylizer
    trunk: Model

    async def make(self, item: Stylised) -> None:
        """Run a trajectory and write its films, or say why they cannot be made."""
        content, style = item.content.image_id, item.style.image_id
        films = PairFilms(
            self.dataset.pixels(content),
            self.dataset.mask(content),
            self.dataset.pixels(style),
            self.dataset.mask(style),
        )
        snapshots, diverged = await run_trajectory(self.stylizer, films, item.plan, Patience())
        by_steps = {snapshot.steps: snapshot for snapshot in snapshots}
        for kind, steps in zip(item.kinds, item.plan.steps, strict=True):
            if self.writer.entry(kind, content) is not None:
                continue
            if steps not in by_steps:
                reason = diverged.message if diverged else "its trajectory ended before it"
                self.writer.leave_out(LeftOut(kind=kind, content=content, donor=style, reason=reason))
                continue
            snapshot = by_steps[steps]
            change = np.abs(snapshot.film.astype(np.float64) - films.content)[films.content_mask].mean()
            entry = replace(
                _entry(kind, item.content, item.style, snapshot.film, change=change),
                trunk_sha256=self.trunk.sha256,
                evaluations=snapshot.evaluations,
                numerics=snapshot.numerics,
            )
            self.writer.write_film(entry, snapshot.film, films.content_mask)


def _entry(kind: str, content: FilmEntry, donor: FilmEntry, film: Film, *, change: float) -> BatteryFilm:
    return BatteryFilm(
        kind=kind,
        content=content.image_id,
        patient_id=content.patient_id,
        label=content.label,
        donor=donor.image_id,
        file=film_file(kind, content.image_id),
        sha256=sha256_pixels(film),
        mean_absolute_change=float(change),
    )


def _missing(item: Stylised, writer: BatteryWriter) -> bool:
    return any(writer.entry(kind, item.content.image_id) is None for kind in item.kinds)


def _refuse_another_trunk(items: Sequence[Stylised], writer: BatteryWriter, trunk: Model) -> None:
    for item in items:
        for kind in item.kinds:
            entry = writer.entry(kind, item.content.image_id)
            if isinstance(entry, BatteryFilm) and entry.trunk_sha256 != trunk.sha256:
                raise ModelMismatchError(
                    f"stylizer: found the trunk {trunk.name} with sha256 {trunk.sha256}, needed {entry.trunk_sha256}, "
                    f"which {entry.file} was made with"
                )


def _print(battery: Battery) -> None:
    console = Console()
    table = Table(title=f"{len(battery.films)} spoiled films of {battery.size} pixels, seed {battery.seed}")
    for name in ("kind", "films", "left out", "mean change inside the breast"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind in battery.kinds:
        films = battery.of_kind(kind)
        left_out = sum(item.kind == kind for item in battery.left_out)
        change = f"{np.mean([film.mean_absolute_change for film in films]):.4f}" if films else "-"
        table.add_row(kind, str(len(films)), str(left_out), change)
    console.print(table)
    console.print(f"battery {battery.path}", soft_wrap=True, markup=False)
