"""Works on the pairs of a run or shard, many in flight, until each has a record."""

import asyncio
import json
import socket
import time
import uuid
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from services.orchestrator.ledger import Ledger
from services.orchestrator.retry_loop import Outcome, RetryLoop
from services.orchestrator.sampler import Pairs
from shared.errors import MammosynthError, UnavailableError
from shared.log import get_logger
from shared.progress import ProgressReporter

_TIMINGS_EVERY_S = 20.0


@dataclass
class Tally:
    """What a worker has done so far."""

    accepted: int = 0
    rejected: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    """Pairs that could not be finished, with the fault."""

    @property
    def note(self) -> str:
        """One line for the progress bar."""
        failed = f", {len(self.failed)} unfinished" if self.failed else ""
        return f"{self.accepted} accepted, {self.rejected} rejected{failed}"


class BatchRun:
    """One worker on the pairs of a shard."""

    def __init__(
        self, ledger: Ledger, sampler: Pairs, loop: RetryLoop, *, in_flight: int, reporter: ProgressReporter
    ) -> None:
        self._ledger = ledger
        self._sampler = sampler
        self._loop = loop
        self._in_flight = in_flight
        self._reporter = reporter
        self._timings = _Timings(ledger)
        self._failures_in_a_row = 0
        self.tally = Tally()

    async def work(self, pairs: Iterable[int], stop: asyncio.Event, *, grace_s: float) -> Tally:
        """Work on pairs until all have a record, or `stop` is set.

        Once it is set no pair is begun; those in progress get `grace_s` seconds to end, and are then left without a
        record. A pair that meets a fault for longer than the loop's patience is left without one too, and told in the
        tally; after many such in a row no more are begun.
        """
        waiting = iter(pairs)
        workers = [asyncio.ensure_future(self._worker(waiting, stop)) for _ in range(self._in_flight)]
        everything = asyncio.ensure_future(_all(workers))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((everything, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not everything.done():
                await asyncio.wait((everything,), timeout=grace_s)
            if everything.done():
                everything.result()
        finally:
            stopping.cancel()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(everything, *workers, return_exceptions=True)
            self._timings.write()
        return self.tally

    async def _worker(self, waiting: Iterable[int], stop: asyncio.Event) -> None:
        for pair in waiting:
            if stop.is_set() or self._failures_in_a_row >= max(8, self._in_flight):
                return
            try:
                await self._one(pair)
            except MammosynthError as error:
                get_logger("run").error("pair not finished", pair=pair, code=error.code, error=error.message)
                self._failed(pair, f"{error.code}: {error.message}")
            except Exception as error:  # the boundary: what nobody foresaw costs its pair, not those beside it
                get_logger("run").exception("pair not finished", pair=pair, exc_info=error)
                self._failed(pair, f"{type(error).__name__}: {error}")

    async def _one(self, pair: int) -> None:
        # Another worker of the same shard may have ended it meanwhile; both would write the same bytes.
        if await asyncio.to_thread(self._ledger.has_record, pair):
            self._reporter.advance(note=self.tally.note)
            return
        started = time.monotonic()
        outcome = await self._loop.work(self._sampler.pair(pair))
        await _to_its_end(asyncio.to_thread(self._ledger.write, outcome.record, outcome.film, outcome.original))
        self._count(pair, outcome, time.monotonic() - started)

    def _failed(self, pair: int, reason: str) -> None:
        self._failures_in_a_row += 1
        self.tally.failed[pair] = reason

    def _count(self, pair: int, outcome: Outcome, seconds: float) -> None:
        self._failures_in_a_row = 0
        if outcome.film is None:
            self.tally.rejected += 1
        else:
            self.tally.accepted += 1
        self._timings.add(pair, seconds, len(outcome.record.trials))
        self._reporter.advance(note=self.tally.note)


class _Timings:
    """How long this worker's pairs took; a file of its own, as records hold only what a second run would repeat."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._name = f"{ledger.timings}/{socket.gethostname()}-{uuid.uuid4().hex[:12]}.json"
        self._began = time.time()
        self._pairs: list[dict[str, float]] = []
        self._written = time.monotonic()

    def add(self, pair: int, seconds: float, trials: int) -> None:
        ended = round(time.time() - self._began, 3)
        self._pairs.append({"pair": pair, "seconds": round(seconds, 3), "ended_s": ended, "trials": trials})
        if time.monotonic() - self._written > _TIMINGS_EVERY_S:
            self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        if not self._pairs:
            return
        try:
            self._ledger.store.write(self._name, json.dumps({"began": self._began, "pairs": self._pairs}).encode())
        except UnavailableError as error:  # records are what counts
            get_logger("run").warning("timings not written", error=error.message)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await something short that must not be left half done, also where this task is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        if not task.cancelled() and (error := task.exception()):
            get_logger("run").error("not written", error=str(error))
        raise


async def _all(workers: list["asyncio.Task[None]"]) -> None:
    await asyncio.gather(*workers)
