"""Runs whole trajectories, again after a fault, many at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from services.orchestrator.faults import Patience
from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from shared.errors import NumericalError

_Item = TypeVar("_Item")


class Stylizer(Protocol):
    """Whoever runs trajectories."""

    def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AbstractAsyncContextManager[AsyncIterator[Snapshot]]:
        """Start a trajectory; leaving the context stops it within one step."""


async def run_trajectory(
    stylizer: Stylizer, films: PairFilms, plan: TrajectoryPlan, patience: Patience
) -> tuple[tuple[Snapshot, ...], NumericalError | None]:
    """Run a trajectory to its end; gives its snapshots, and the error where it left the numbers after the last one.

    Raises:
        MammosynthError: a fault that outlasted the patience.

    """
    diverged: NumericalError | None = None
    async for attempt in patience.attempts_made():
        with attempt:
            snapshots: list[Snapshot] = []
            try:
                async with stylizer.stylize(films, plan) as arriving:
                    async for snapshot in arriving:
                        snapshots.append(snapshot)  # noqa: PERF401  what arrived before the error is kept
            except NumericalError as error:
                # Not a fault: the same films and recipe diverge again.
                diverged = error
    return tuple(snapshots), diverged


async def work_through(items: Iterable[_Item], work: Callable[[_Item], Awaitable[None]], *, in_flight: int) -> None:
    """Work on items, `in_flight` of them at once; the first that fails stops the others.

    Raises:
        ExceptionGroup: never; the first failure is raised as it is.

    """
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    tasks = [asyncio.ensure_future(worker()) for _ in range(in_flight)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
