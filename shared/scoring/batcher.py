"""A bounded queue before a function that works on several items at once."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import OverloadedError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_PREPARING_THREADS = 4
_SHORTEST_DELAY_S, _LONGEST_DELAY_S = 0.05, 30.0


@dataclass(eq=False)
class _Entry(Generic[_Item, _Result]):
    item: _Item
    answer: asyncio.Future[_Result]


class Batcher(Generic[_Item, _Result]):
    """Runs what concurrent callers bring together, in one thread beside the event loop.

    Nobody waits for company: a caller that finds the thread idle is worked on at once, and those who come meanwhile
    are taken together next. A caller that is cancelled leaves the queue before it costs any work.
    """

    def __init__(self, run: Callable[[Sequence[_Item]], Sequence[_Result]], *, size: int, limit: int) -> None:
        """Set up the queue; nothing runs until somebody calls.

        Args:
            run: takes 1 to `size` items, returns as many results in their order; called in one thread only.
            size: most items of one call of `run`.
            limit: callers that may wait; those being worked on are not among them.

        """
        self._run = run
        self._size = size
        self.limit = limit
        """Callers that may wait."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batcher")
        self._preparing_threads = ThreadPoolExecutor(_PREPARING_THREADS, thread_name_prefix="preparing")
        self._queue: deque[_Entry[_Item, _Result]] = deque()
        self._preparing = 0
        self._worker: asyncio.Task[None] | None = None
        self._batch_s = 1.0
        """Duration of the last batch, in seconds."""

    @property
    def waiting(self) -> int:
        """Callers that hold a place in the queue."""
        return self._preparing + len(self._queue)

    async def submit(self, prepare: Callable[[], _Item]) -> _Result:
        """Take a place in the queue, prepare an item in a thread, and wait for its result.

        Raises:
            OverloadedError: at once, if all places are taken; it says when to ask again.
            Exception: whatever `prepare`, or `run` on this item's batch, raises.

        """
        if self.waiting >= self.limit:
            raise self._overloaded()
        loop = asyncio.get_running_loop()
        self._preparing += 1
        try:
            item = await loop.run_in_executor(self._preparing_threads, prepare)
        finally:
            self._preparing -= 1
        answer: asyncio.Future[_Result] = loop.create_future()
        entry = _Entry(item, answer)
        self._queue.append(entry)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        try:
            return await answer
        finally:
            if entry in self._queue:  # cancelled before its turn
                self._queue.remove(entry)

    async def close(self) -> None:
        """End the threads, after the batch that is worked on."""
        for threads in (self._preparing_threads, self._thread):
            await asyncio.to_thread(threads.shutdown)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._take():
            started = time.monotonic()
            try:
                results = await loop.run_in_executor(self._thread, self._run, [entry.item for entry in batch])
            except Exception as error:  # belongs to the callers of this batch, not to the queue
                for entry in batch:
                    if not entry.answer.done():
                        entry.answer.set_exception(error)
            else:
                for entry, result in zip(batch, results, strict=True):
                    if not entry.answer.done():
                        entry.answer.set_result(result)
            self._batch_s = time.monotonic() - started

    def _take(self) -> list[_Entry[_Item, _Result]]:
        batch: list[_Entry[_Item, _Result]] = []
        while self._queue and len(batch) < self._size:
            entry = self._queue.popleft()
            if not entry.answer.done():
                batch.append(entry)
        return batch

    def _overloaded(self) -> OverloadedError:
        delay = math.ceil(self.waiting / self._size) * self._batch_s
        delay = min(max(delay, _SHORTEST_DELAY_S), _LONGEST_DELAY_S)
        return OverloadedError(
            f"queue: found {self.waiting} requests waiting, needed fewer than {self.limit}; ask again in {delay:.2f} s",
            retry_after_s=delay,
        )
