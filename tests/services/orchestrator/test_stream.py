"""Outcomes come in order, are worked on ahead within a bound, and stop when nobody wants them any more."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from services.orchestrator import stream
from services.orchestrator.retry_loop import Outcome, RetryLoop
from services.orchestrator.sampler import Pair, Sampler
from services.orchestrator.stream import outcomes_in_order
from shared.errors import UnfinishedPairsError
from tests.services.orchestrator.made import cohort, policy, record


class Scripted(RetryLoop):
    """Pairs end when a test lets them."""

    def __init__(self) -> None:
        self.ends: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self.faults: dict[int, Exception] = {}
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.running: set[int] = set()
        self.most = 0

    async def work(self, pair: Pair) -> Outcome:
        self.begun.append(pair.index)
        self.running.add(pair.index)
        self.most = max(self.most, len(self.running))
        try:
            await self.ends[pair.index].wait()
        except asyncio.CancelledError:
            self.cancelled.append(pair.index)
            raise
        finally:
            self.running.discard(pair.index)
        if pair.index in self.faults:
            raise self.faults.pop(pair.index)
        return Outcome(record(pair.index), None)

    def end(self, *pairs: int) -> None:
        for pair in pairs:
            self.ends[pair].set()


def sampler(**pairing: Any) -> Sampler:
    return Sampler(cohort(3, 2), policy(pairing=pairing).pairing, seed=7)


def begin(
    loop: RetryLoop, *, first: int = 0, limit: int | None = None, ahead: int = 3, **pairing: Any
) -> AsyncGenerator[Outcome, None]:
    return outcomes_in_order(loop, sampler(**pairing), first=first, limit=limit, ahead=ahead)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def numbers(outcomes: AsyncGenerator[Outcome, None]) -> list[int]:
    return [outcome.record.pair async for outcome in outcomes]


async def test_outcomes_come_in_the_order_of_their_pairs_whichever_ends_first() -> None:
    loop = Scripted()
    given = asyncio.ensure_future(numbers(begin(loop, limit=9)))
    for pairs in ((2, 1, 0), (5, 4, 3), (8, 7, 6)):
        await until(lambda pairs=pairs: set(pairs) <= set(loop.begun))  # type: ignore[misc]
        for pair in pairs:
            loop.end(pair)
            await asyncio.sleep(0)
    assert await given == list(range(9))


@pytest.mark.parametrize("ahead", [1, 2, 4])
async def test_no_more_pairs_are_in_progress_than_may_be_ahead(ahead: int) -> None:
    loop = Scripted()
    async with aclosing(begin(loop, ahead=ahead)) as outcomes:
        for pair in range(6):
            following = asyncio.ensure_future(anext(outcomes))
            await until(lambda pair=pair: len(loop.begun) == pair + ahead)  # type: ignore[misc]
            loop.end(pair)
            assert (await following).record.pair == pair
            assert loop.begun == list(range(pair + ahead)), "what is not taken lets nothing new begin"
    assert loop.most == ahead


async def test_closing_stops_the_pairs_in_progress() -> None:
    loop = Scripted()
    loop.end(0)
    outcomes = begin(loop)
    assert (await anext(outcomes)).record.pair == 0
    await until(lambda: loop.running == {1, 2})
    await outcomes.aclose()
    assert (loop.cancelled, loop.running) == ([1, 2], set())


async def test_a_taker_that_is_cancelled_while_it_waits_stops_them_too() -> None:
    loop = Scripted()
    taker = asyncio.ensure_future(numbers(begin(loop)))
    await until(lambda: loop.running == {0, 1, 2})
    taker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taker
    assert (loop.cancelled, loop.running) == ([0, 1, 2], set())


async def test_it_ends_after_as_many_pairs_as_may_be_worked_on() -> None:
    loop = Scripted()
    loop.end(*range(20))
    assert await numbers(begin(loop, first=4, limit=5)) == [4, 5, 6, 7, 8]
    assert loop.begun == [4, 5, 6, 7, 8]


async def test_it_ends_where_the_policy_leaves_no_style() -> None:
    loop = Scripted()
    loop.end(*range(20))
    assert await numbers(begin(loop, style_use_limit=3)) == list(range(6)), "two styles, three times each"
    assert await numbers(begin(loop, first=4, style_use_limit=3)) == [4, 5]
    assert await numbers(begin(loop, first=100, style_use_limit=3)) == []


async def test_pairs_are_the_samplers_wherever_a_stream_begins() -> None:
    class Keeping(Scripted):
        async def work(self, pair: Pair) -> Outcome:
            found.append(pair)
            return await super().work(pair)

    found: list[Pair] = []
    loop = Keeping()
    loop.end(*range(20))
    await numbers(begin(loop, first=5, limit=3))
    assert found == [sampler().pair(number) for number in (5, 6, 7)]


async def test_a_fault_is_told_in_its_turn_and_the_next_stream_goes_on_from_the_cursor() -> None:
    loop = Scripted()
    loop.faults[2] = UnfinishedPairsError("anomaly: still failing")
    loop.end(2)
    taken = []
    outcomes = begin(loop)
    following = asyncio.ensure_future(anext(outcomes))
    await until(lambda: set(loop.begun) == {0, 1, 2} and 2 not in loop.running)
    loop.end(0, 1)
    taken.append((await following).record.pair)
    taken.append((await anext(outcomes)).record.pair)
    with pytest.raises(UnfinishedPairsError, match="still failing"):
        await anext(outcomes)
    assert loop.running == set()
    assert set(loop.begun) - set(loop.cancelled) == {0, 1, 2}
    loop.end(*range(20))
    taken += await numbers(begin(loop, first=taken[-1] + 1, limit=4))
    assert taken == [0, 1, 2, 3, 4, 5]


async def test_who_leaves_while_a_pair_far_out_is_drawn_leaves_no_thread_drawing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Counting(Sampler):
        drawn = 0

        def _draw(self, index: int) -> Pair:
            Counting.drawn += 1
            return super()._draw(index)

    monkeypatch.setattr(stream, "_DRAWN_AT_ONCE", 10)
    drawing = Counting(cohort(3, 2), policy().pairing, seed=7)
    outcomes = outcomes_in_order(Scripted(), drawing, first=10**15, limit=None, ahead=3)
    taker = asyncio.ensure_future(anext(outcomes))
    await until(lambda: Counting.drawn > 100)
    taker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taker
    await asyncio.get_running_loop().shutdown_default_executor()
    before = Counting.drawn
    await asyncio.sleep(0.01)
    assert Counting.drawn == before
