"""Measures what an evaluation costs, from when a trajectory's snapshots arrive."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from services.orchestrator.trajectories import Stylizer


class StopWatch:
    """Runs trajectories and notes when their snapshots arrive: time in a queue is before the first."""

    def __init__(self, stylizer: Stylizer, clock: Callable[[], float] = time.monotonic) -> None:
        self._stylizer = stylizer
        self._clock = clock
        self._arrivals: list[tuple[int, float]] = []

    @asynccontextmanager
    async def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[AsyncIterator[Snapshot]]:
        """Start a trajectory, and the watch anew."""
        self._arrivals = []
        async with self._stylizer.stylize(films, plan) as snapshots:
            yield self._noted(snapshots)

    async def _noted(self, snapshots: AsyncIterator[Snapshot]) -> AsyncIterator[Snapshot]:
        async for snapshot in snapshots:
            self._arrivals.append((snapshot.evaluations, self._clock()))
            yield snapshot

    def seconds_per_evaluation(self, slots: int) -> float | None:
        """Seconds that one film's evaluation takes while all slots are full; None where it cannot be told."""
        if len(self._arrivals) < 2 or self._arrivals[-1][0] == self._arrivals[0][0]:
            return None
        (first, began), (last, ended) = self._arrivals[0], self._arrivals[-1]
        return (ended - began) / (last - first) / max(1, slots)
