"""The queue before a function that works on several items at once."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from shared.errors import InvalidImageError, OverloadedError
from shared.scoring.batcher import Batcher


class Gate:
    """Doubles numbers, but only once it is opened; keeps what it was called with."""

    def __init__(self, *, opened: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.open = threading.Event()
        if opened:
            self.open.set()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.entered.set()
        assert self.open.wait(10), "the event loop was held up by the work"
        if 13 in items:
            raise ZeroDivisionError
        return [2 * item for item in items]


async def call(batcher: Batcher[int, int], item: int) -> int:
    return await batcher.submit(lambda: item)


async def busy(batcher: Batcher[int, int], gate: Gate) -> asyncio.Task[int]:
    """Let one caller in and wait until it is worked on."""
    first = asyncio.create_task(call(batcher, 1))
    await asyncio.to_thread(gate.entered.wait, 10)
    return first


async def queued(batcher: Batcher[int, int], *items: int) -> list[asyncio.Task[int]]:
    """Let callers in and wait until all of them are in the queue."""
    tasks = [asyncio.create_task(call(batcher, item)) for item in items]
    async with asyncio.timeout(10):
        while len(batcher._queue) < len(items):
            await asyncio.sleep(0)
    return tasks


async def test_a_lone_caller_is_worked_on_at_once_without_company() -> None:
    gate = Gate(opened=True)
    batcher = Batcher(gate, size=4, limit=8)
    assert await call(batcher, 21) == 42
    assert gate.batches == [[21]]
    await batcher.close()


async def test_callers_that_come_meanwhile_are_taken_together_up_to_the_size() -> None:
    gate = Gate()
    batcher = Batcher(gate, size=2, limit=8)
    tasks = [await busy(batcher, gate), *await queued(batcher, 2, 3, 4)]
    gate.open.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert [len(batch) for batch in gate.batches] == [1, 2, 1]
    await batcher.close()


async def test_a_full_queue_refuses_at_once_and_says_when_to_ask_again() -> None:
    gate = Gate()
    batcher = Batcher(gate, size=1, limit=2)
    tasks = [await busy(batcher, gate), *await queued(batcher, 2, 3)]
    with pytest.raises(OverloadedError, match="found 2 requests waiting, needed fewer than 2") as caught:
        await call(batcher, 4)
    assert caught.value.retry_after_s > 0
    gate.open.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6]
    assert await call(batcher, 5) == 10
    await batcher.close()


async def test_a_cancelled_caller_leaves_the_queue_before_it_costs_work() -> None:
    gate = Gate()
    batcher = Batcher(gate, size=1, limit=2)
    first = await busy(batcher, gate)
    second, third = await queued(batcher, 2, 3)
    second.cancel()
    await asyncio.wait([second])
    assert batcher.waiting == 1
    gate.open.set()
    assert await asyncio.gather(first, third) == [2, 6]
    assert [2] not in gate.batches
    await batcher.close()


async def test_a_caller_cancelled_while_it_is_worked_on_does_not_disturb_its_neighbours() -> None:
    gate = Gate()
    batcher = Batcher(gate, size=2, limit=8)
    first = await busy(batcher, gate)
    first.cancel()
    await asyncio.wait([first])
    later = await queued(batcher, 2, 3)
    gate.open.set()
    assert await asyncio.gather(*later) == [4, 6]
    await batcher.close()


async def test_a_failure_reaches_the_callers_of_its_batch_and_nobody_else() -> None:
    gate = Gate()
    batcher = Batcher(gate, size=2, limit=8)
    first = await busy(batcher, gate)
    rest = await queued(batcher, 12, 13, 14)
    gate.open.set()
    results = await asyncio.gather(first, *rest, return_exceptions=True)
    assert [type(result) for result in results] == [int, ZeroDivisionError, ZeroDivisionError, int]
    await batcher.close()


async def test_what_cannot_be_prepared_gives_its_place_back() -> None:
    def refuse() -> int:
        raise InvalidImageError("image: found none")

    batcher = Batcher(Gate(opened=True), size=1, limit=1)
    for _ in range(3):
        with pytest.raises(InvalidImageError):
            await batcher.submit(refuse)
    assert await call(batcher, 1) == 2
    await batcher.close()
