"""Runs the trajectories of a sweep that have no record yet, and asks the gates, if there are any, about their films."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.orchestrator.children import running_services
from services.orchestrator.configuration import PeersConfiguration
from services.orchestrator.facts import GATES, SERVICES
from services.orchestrator.faults import Patience
from services.orchestrator.insets import PairFilms
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.point import Point
from services.orchestrator.scoring import Scored
from services.orchestrator.stop_watch import StopWatch
from services.orchestrator.stopping import unless_broken
from services.orchestrator.stylizer_peer import GrpcStylizer
from services.orchestrator.sweep.pairs import SweptPair
from services.orchestrator.sweep.records import Shown, SweepRecords, TrajectoryRecord
from services.orchestrator.sweep.settings import Trajectory
from services.orchestrator.trajectories import Stylizer, run_trajectory, work_through
from shared.dataset import Dataset
from shared.errors import ConfigurationError
from shared.images import Film, Mask, sha256_pixels
from shared.progress import progress
from shared.record import Model, Scores

Score = Callable[[Film, Mask], Awaitable[Scored]]


@dataclass(frozen=True)
class Services:
    """Who does the work of a sweep."""

    stylizer: Stylizer
    score: Score | None
    """Asks both gates; None without any."""
    models: dict[str, Model]
    """By service: the trunk, and the gates if there are any."""
    slots: int
    dtype: str
    """Floating point type of the stylizer's features."""
    broken: asyncio.Event
    """Set once a service that was started here cannot be kept alive."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """By gate: the one that its model file names as its own."""


def wants_gates(configuration: PeersConfiguration) -> bool:
    """Whether gates were given, as model files or as addresses of both.

    Raises:
        ConfigurationError: if one gate was given alone.

    """
    given = [name for name in GATES if getattr(configuration, name)]
    if configuration.models is None and len(given) == 1:
        raise ConfigurationError(f"--{given[0]}: found one gate, needed both (--anomaly, --classifier), or --models")
    return configuration.models is not None or bool(given)


@asynccontextmanager
async def connected(configuration: PeersConfiguration, dataset: Dataset, logs: Path) -> AsyncIterator[Services]:
    """Start or reach the services, and refuse answers of other models from then on.

    Raises:
        ConfigurationError: if a gate takes larger films than those of the data set.

    """
    gates = wants_gates(configuration)
    names = SERVICES if gates else ("stylizer",)
    async with running_services(configuration, logs=logs, names=names) as (addresses, broken):
        if gates:
            async with GrpcPeers.of(configuration, addresses) as peers:
                facts = await peers.facts(timeout_s=configuration.start_timeout_s)
                for service, size in facts.input_sizes.items():
                    if dataset.size < size:
                        raise ConfigurationError(
                            f"{service}: its model needs {size} pixels a side, the films have {dataset.size}"
                        )
                peers.pin(facts.models, facts.dtype)
                thresholds = {
                    name: facts.thresholds[name][default]
                    for name, default in facts.default_thresholds.items()
                    if default in facts.thresholds[name]
                }
                yield Services(peers, peers.score, facts.models, facts.slots, facts.dtype, broken, thresholds)
        else:
            async with GrpcStylizer.of(configuration, addresses["stylizer"]) as stylizer:
                info = await stylizer.info(timeout_s=configuration.start_timeout_s)
                trunk = Model(name=info.trunk.name, sha256=info.trunk.sha256)
                stylizer.pin(trunk, info.numerics.dtype)
                yield Services(stylizer, None, {"stylizer": trunk}, info.numerics.slots, info.numerics.dtype, broken)


async def run_sweep(
    dataset: Dataset,
    pairs: Sequence[SweptPair],
    trajectories: Sequence[Trajectory],
    records: SweepRecords,
    services: Services,
) -> None:
    """Score contents and styles, and run every trajectory of every pair that has no record yet.

    Raises:
        MammosynthError: a fault that outlasted the patience; the same sweep goes on where it was.

    """
    workshop = _Workshop(dataset, records, services)
    items = [(pair, trajectory) for pair in pairs for trajectory in trajectories]
    waiting = [item for item in items if not records.is_whole(item[0].name, item[1].name, item[1].shown)]
    evaluations = {trajectory: _evaluations(trajectory) for trajectory in trajectories}
    total = sum(evaluations[trajectory] for _, trajectory in items)
    left = sum(evaluations[trajectory] for _, trajectory in waiting)

    async def everything() -> None:
        await workshop.score_originals(pairs)
        with progress("evaluations", total=total, done=total - left) as reporter:

            async def work(item: tuple[SweptPair, Trajectory]) -> None:
                await workshop.run(*item)
                reporter.advance(evaluations[item[1]], note=item[1].name)

            await work_through(waiting, work, in_flight=2 * max(1, services.slots))

    await unless_broken(services.broken, everything())


@dataclass(frozen=True)
class _Workshop:
    dataset: Dataset
    records: SweepRecords
    services: Services
    patience: Patience = field(default_factory=Patience)

    async def score_originals(self, pairs: Sequence[SweptPair]) -> None:
        """Ask the gates about contents and styles, each once."""
        if self.services.score is None:
            return
        known = self.records.originals()
        names = {film.image_id for pair in pairs for film in (pair.content, pair.style)} - set(known)
        for image_id in sorted(names):
            film, mask = await asyncio.to_thread(self._film, image_id)
            known[image_id] = (await self.services.score(film, mask)).scores
        if names:
            self.records.write_originals(known)

    async def run(self, pair: SweptPair, trajectory: Trajectory) -> None:
        """Run one trajectory, let the gates look at the films that are shown, and write its record."""
        content, style = pair.content.image_id, pair.style.image_id
        films = PairFilms(*await asyncio.to_thread(self._film, content), *await asyncio.to_thread(self._film, style))
        watch = StopWatch(self.services.stylizer)
        snapshots, diverged = await run_trajectory(watch, films, trajectory.plan, self.patience)
        kept = {snapshot.steps: snapshot for snapshot in snapshots if snapshot.steps in trajectory.shown}
        numerics: dict[str, Any] = {"stylizer": snapshots[-1].numerics} if snapshots else {}
        shown = []
        for snapshot in kept.values():
            scores: Scores | None = None
            if self.services.score is not None:
                scored = await self.services.score(snapshot.film, films.content_mask)
                numerics |= scored.numerics
                scores = scored.scores
            shown.append(Shown(point=Point.of(snapshot), scores=scores, sha256=sha256_pixels(snapshot.film)))
        record = TrajectoryRecord(
            recipe=trajectory.recipe,
            content=content,
            style=style,
            shown=tuple(shown),
            curve=tuple(map(Point.of, snapshots)),
            diverged=diverged.message if diverged else "",
            numerics=numerics,
        )
        await asyncio.to_thread(
            self.records.write,
            pair.name,
            trajectory.name,
            record,
            films={steps: snapshot.film for steps, snapshot in kept.items()},
            seconds=watch.seconds_per_evaluation(self.services.slots),
        )

    def _film(self, image_id: str) -> tuple[Film, Mask]:
        return self.dataset.pixels(image_id), self.dataset.mask(image_id)


def _evaluations(trajectory: Trajectory) -> int:
    return trajectory.recipe.evaluations(trajectory.recipe.steps)
