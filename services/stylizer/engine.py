"""The engine: films come and go, slots stay full."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

import numpy as np
import torch

from services.stylizer.batch import Batch
from services.stylizer.job import SMALLEST_SIDE, TransferJob
from services.stylizer.memory import film_bytes
from services.stylizer.network import Trunk
from services.stylizer.numerics import numerics_of
from services.stylizer.occupancy import Occupancy
from services.stylizer.running import OnEnd, OnSnapshot, RunningFilm, unexpected
from services.stylizer.slots import choose_device, default_slots
from services.stylizer.targets import TargetCache
from services.stylizer.weights import TrunkWeights
from shared.errors import InvalidImageError, MammosynthError, OverloadedError, UnavailableError
from shared.log import get_logger
from shared.numerics import Numerics
from shared.recipe import Recipe

_SIDES = (128, 256, 512)
"""Pixels a side at which the memory of a film is told at start."""

_log = get_logger("stylizer")


class Handle(Protocol):
    """What `submit` returns."""

    def cancel(self) -> None:
        """Drop the film at the next step; does nothing once it has ended."""


class Engine:
    """Optimises many films at once, each its own problem, on one worker thread.

    Films of one size share a batch of `slots`. A film that ends, is cancelled or passes its deadline leaves its slot at
    the next step, and the next waiting film of that size takes it. Batches of other sizes are built when the first such
    film comes, at most `sizes` of them; their steps alternate.

    Safe to be called from any thread; callbacks run on the worker thread.
    """

    def __init__(
        self,
        weights: TrunkWeights,
        *,
        slots: int | None = None,
        queue: int = 16,
        history: int = 100,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        threads: int | None = None,
        sizes: int = 2,
        target_bytes: int = 256 * 1024**2,
        check_every: int = 20,
    ) -> None:
        """Start the worker thread.

        Args:
            weights: the trunk's.
            slots: films computed together; by default 1 on a CPU, on a GPU what its memory holds.
            queue: films that may wait for a slot before more are refused.
            history: curvature pairs a film.
            device: where to compute; a GPU if there is one by default.
            dtype: float32 or float64.
            threads: threads within one operation on a CPU; torch's choice by default. Holds for the process.
            sizes: batches of different sizes that are kept at once.
            target_bytes: room for targets of films seen before, in bytes.
            check_every: steps between two looks at whether films are finite.

        """
        self._weights = weights
        self._device = device or choose_device()
        self._dtype = dtype
        self._slots = slots or default_slots(self._device, dtype, history)
        self._history = history
        self._sizes = sizes
        self._check_every = check_every
        self._targets = TargetCache(target_bytes)
        self._batches: dict[int, Occupancy] = {}
        self._condition = threading.Condition()
        self._waiting: list[RunningFilm] = []
        self._queue_limit = queue
        self._admitted = 0
        self._stopping = False
        self._first_end_s = 1.0
        if threads is not None:
            torch.set_num_threads(threads)
        told = {f"at_{side}": self._memory(side) for side in _SIDES}
        _log.info("memory of a film in a slot", slots=self._slots, **told)
        self._worker = threading.Thread(target=self._work, name="stylizer-engine", daemon=True)
        self._worker.start()

    @property
    def queue_limit(self) -> int:
        """Films that may wait for a slot before more are refused."""
        return self._queue_limit

    def submit(self, job: TransferJob, *, on_snapshot: OnSnapshot, on_end: OnEnd) -> Handle:
        """Let a film wait for a slot.

        `on_snapshot` is called at every asked number of steps, then `on_end` once: with None after the last snapshot,
        or with the error that ended the film. Both are called on the worker thread and must be quick.

        Raises:
            OverloadedError: if as many films wait as may.
            UnavailableError: if the engine stops.

        """

        def ended(error: MammosynthError | None) -> None:
            with self._condition:
                self._admitted -= 1
            on_end(error)

        film = RunningFilm(job, on_snapshot, ended)
        with self._condition:
            if self._stopping:
                raise UnavailableError("the stylizer is stopping")
            if self._admitted >= self._slots + self._queue_limit:
                message = f"queue: found {self._admitted} films in {self._slots} slots, {self._queue_limit} may wait"
                raise OverloadedError(message, self._first_end_s)
            self._admitted += 1
            self._waiting.append(film)
            self._condition.notify()
        return film

    def warm_up(self) -> None:
        """Take a small film through one step and wait for it, so that the first caller does not pay for it.

        Raises:
            MammosynthError: what ended the film.

        """
        black = np.zeros((SMALLEST_SIDE, SMALLEST_SIDE), dtype=np.float32)
        ended: SimpleQueue[MammosynthError | None] = SimpleQueue()
        job = TransferJob(content=black, style=black, recipe=Recipe(steps=1))
        self.submit(job, on_snapshot=lambda _: None, on_end=ended.put)
        error = ended.get()
        if error is not None:
            raise error

    def numerics(self) -> Numerics:
        """What the bits of a film depend on, beside the request."""
        return numerics_of(self._device, self._dtype, self._slots)

    def stop(self) -> None:
        """Refuse new films, end those in the engine with UnavailableError at the next step, and wait for the worker."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._worker.join()

    def _work(self) -> None:
        # A GPU's convolutions must neither be chosen by a race nor summed in the order of arrival.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            while self._wait_for_films():
                started = time.monotonic()
                self._drop_stopped()
                self._fill()
                for side, batch in tuple(self._batches.items()):
                    self._attempt(side, batch.advance)
                remaining = [film.remaining for batch in self._batches.values() for film in batch.films]
                self._first_end_s = max(0.1, min(remaining, default=0) * (time.monotonic() - started))
        self._end_all(UnavailableError("the stylizer stopped before the film's end"))

    def _wait_for_films(self) -> bool:
        """Sleep while there is nothing to do; False once the engine stops."""
        with self._condition:
            self._condition.wait_for(lambda: self._stopping or self._admitted)
            return not self._stopping

    def _drop_stopped(self) -> None:
        for side, batch in tuple(self._batches.items()):
            self._attempt(side, batch.drop_stopped)
        for film in self._queue():
            reason = film.reason_to_stop()
            if reason is not None:
                self._unqueue(film)
                film.end(reason)

    def _fill(self) -> None:
        """Give waiting films idle slots, the oldest first; nobody overtakes a film that waits for a whole batch."""
        for film in self._queue():
            batch = self._batch(film.job.side)
            if batch is None:
                break
            if batch.has_room:
                self._unqueue(film)
                self._attempt(film.job.side, lambda batch=batch, film=film: batch.take(film))  # type: ignore[misc]

    def _batch(self, side: int) -> Occupancy | None:
        """The batch of a size; a new one where there is none, in the place of an idle one where there are too many."""
        if side not in self._batches:
            idle = [other for other, batch in self._batches.items() if not batch.films]
            if len(self._batches) >= self._sizes:
                if not idle:
                    return None
                del self._batches[idle[0]]
            self._batches[side] = Occupancy(lambda: self._build(side), slots=self._slots, check_every=self._check_every)
        return self._batches[side]

    def _memory(self, side: int) -> str:
        return f"{film_bytes(side, history=self._history, dtype=self._dtype) / 2**20:.0f} MiB"

    def _build(self, side: int) -> Batch:
        _log.info("building a batch", side=side, slots=self._slots, each_film=self._memory(side))
        trunk = Trunk(self._weights, side, device=self._device, dtype=self._dtype)
        return Batch(trunk, slots=self._slots, history=self._history, targets=self._targets)

    def _attempt(self, side: int, action: Callable[[], None]) -> None:
        """Do something with the batch of a size. A fault ends its films, never the engine."""
        try:
            action()
        except torch.OutOfMemoryError as error:
            _log.warning("out of memory", side=side, slots=self._slots, reason=str(error))
            self._shrink(side)
        except Exception as error:  # the boundary: whatever a step raises ends here
            self._batches.pop(side).end_all(unexpected("a step failed", error))

    def _shrink(self, side: int) -> None:
        """Go on with half the slots. All films start again, at their callers' will: their bits become others."""
        self._targets.clear()
        if self._slots == 1:
            needed = f"at most what the memory of {self._device} holds"
            self._batches.pop(side).end_all(InvalidImageError(f"content: found {side} pixels a side, needed {needed}"))
            return
        found = self._slots
        with self._condition:
            self._slots = found // 2
        error = UnavailableError(f"out of memory with {found} slots, going on with {found // 2}; start again")
        for batch in self._batches.values():
            batch.end_all(error)
        self._batches.clear()

    def _end_all(self, error: MammosynthError) -> None:
        for batch in self._batches.values():
            batch.end_all(error)
        for film in self._queue():
            self._unqueue(film)
            film.end(error)

    def _queue(self) -> tuple[RunningFilm, ...]:
        with self._condition:
            return tuple(self._waiting)

    def _unqueue(self, film: RunningFilm) -> None:
        with self._condition:
            self._waiting.remove(film)
