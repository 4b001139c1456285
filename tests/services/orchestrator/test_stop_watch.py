"""What an evaluation costs, by a clock that is made up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from services.orchestrator.stop_watch import StopWatch
from tests.services.orchestrator.made import policy


class Stylizer:
    """Snapshots that are the content."""

    @asynccontextmanager
    async def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[AsyncIterator[Snapshot]]:
        yield self._snapshots(films, plan)

    async def _snapshots(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[Snapshot]:
        for steps in plan.steps:
            yield Snapshot(steps, steps, films.content, 1.0, 0.5, 0.5, 0.05, {})


async def test_the_stop_watch_runs_from_the_first_snapshot_and_shares_time_among_slots() -> None:
    moments = iter([100.0, 104.0, 112.0])
    watch = StopWatch(Stylizer(), lambda: next(moments))
    plan = policy({"steps": 1}, {"steps": 5}, {"steps": 13}).trajectories[0]
    black = np.zeros((48, 48), dtype=np.float32)
    async with watch.stylize(PairFilms(black, black == 0, black, black == 0), plan) as snapshots:
        assert [snapshot.steps async for snapshot in snapshots] == [1, 5, 13]
    assert watch.seconds_per_evaluation(1) == 12.0 / 12
    assert watch.seconds_per_evaluation(2) == 0.5
    assert StopWatch(Stylizer()).seconds_per_evaluation(1) is None
