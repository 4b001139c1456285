"""Model services that do as a script says: films that name their trial, scores by trial, faults at chosen moments."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np

from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import TrajectoryPlan
from services.orchestrator.retry_loop import Snapshot
from services.orchestrator.sampler import Pair
from services.orchestrator.scoring import Numerics, Scored
from shared.dataset import Film as FilmEntry
from shared.images import Film, Mask, from_uint16
from shared.record import Scores
from tests.services.orchestrator.made import BENIGN

SIDE = 8
NUMERICS: dict[str, Numerics] = {
    name: {"device_kind": "cpu", "slots": 1} for name in ("stylizer", "anomaly", "classifier")
}


def read_films(pair: Pair) -> PairFilms:
    """Films that hold nothing but the numbers of their pair."""
    content = np.full((SIDE, SIDE), pair.index, dtype=np.uint16)
    mask = np.ones((SIDE, SIDE), dtype=np.bool_)
    return PairFilms(from_uint16(content), mask, from_uint16(content), mask)


class ScriptedPeers:
    """Every trial is benign unless `scores` says otherwise for (pair, trial)."""

    def __init__(self, scores: Callable[[int, int], Scores] = lambda pair, trial: BENIGN) -> None:
        self._scores = scores
        self.faults: dict[str, list[BaseException]] = defaultdict(list)
        """Raised one after another where the log would say: "stylize 1", "snapshot 2", "score 2", "end 3"."""
        self.log: list[str] = []
        self.numerics = dict(NUMERICS)
        self.blocked: asyncio.Event | None = None
        """Where it is set, trajectories hang before their first snapshot until the event comes."""
        self.open = 0
        """Trajectories that are neither ended nor left."""

    def _do(self, what: str) -> None:
        self.log.append(what)
        if self.faults[what]:
            raise self.faults[what].pop(0)

    @asynccontextmanager
    async def stylize(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[AsyncIterator[Snapshot]]:
        self._do(f"stylize {plan.trials[0]}")
        self.open += 1
        try:
            yield self._snapshots(films, plan)
        finally:
            self.open -= 1
            self.log.append("left")

    async def _snapshots(self, films: PairFilms, plan: TrajectoryPlan) -> AsyncIterator[Snapshot]:
        if self.blocked is not None:
            await self.blocked.wait()
        for trial, steps in zip(plan.trials, plan.steps, strict=True):
            await asyncio.sleep(0)
            self._do(f"snapshot {trial}")
            pixels = np.rint(films.content * 65535).astype(np.uint16)
            pixels[0] = trial
            yield Snapshot(
                steps=steps,
                evaluations=steps,
                film=from_uint16(pixels),
                loss=1.0 / steps,
                content_loss=0.25,
                style_loss=0.5,
                mean_absolute_change=0.05,
                numerics=self.numerics["stylizer"],
            )
        self._do(f"end {plan.trials[-1]}")

    async def score(self, film: Film, mask: Mask) -> Scored:
        await asyncio.sleep(0)
        pixels = np.rint(film * 65535).astype(int)
        pair, trial = int(pixels[1, 0]), int(pixels[0, 0])
        self._do(f"score {trial}")
        return Scored(self._scores(pair, trial), {name: self.numerics[name] for name in ("anomaly", "classifier")})

    async def score_original(self, film: FilmEntry) -> Scored:
        self._do("score original")
        return Scored(BENIGN, {name: self.numerics[name] for name in ("anomaly", "classifier")})
