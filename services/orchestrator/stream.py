"""Outcomes of pairs in the order of their numbers, worked on ahead of whoever takes them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from services.orchestrator.retry_loop import Outcome, RetryLoop
from services.orchestrator.sampler import Pair, Sampler
from shared.errors import InvalidInputError

_DRAWN_AT_ONCE = 1000


async def outcomes_in_order(
    loop: RetryLoop, sampler: Sampler, *, first: int, limit: int | None, ahead: int
) -> AsyncGenerator[Outcome, None]:
    """Work on pairs `first`, `first` + 1, … and give each outcome in turn.

    Closing the iterator stops the pairs in progress. It ends when `limit` pairs were given, or the policy's use limit
    leaves no style for the next pair.

    Args:
        loop: works on one pair.
        sampler: draws them.
        first: number of the first pair, 0 or more.
        limit: pairs to be given; None for no bound.
        ahead: pairs in progress at once, 1 or more.

    Raises:
        MammosynthError: a fault that outlasted the loop's patience; the pair is not decided and may be asked for again.

    """
    working: deque[asyncio.Task[Outcome]] = deque()
    following = first
    exhausted = False
    try:
        # A first pair far out needs all before it: in a thread, a part at a time, as a thread cannot be stopped.
        for before in range(0, first, _DRAWN_AT_ONCE):
            if await asyncio.to_thread(_draw, sampler, before) is None:
                return
        while True:
            while len(working) < ahead and not exhausted and (limit is None or following < first + limit):
                pair = await asyncio.to_thread(_draw, sampler, following)
                exhausted = pair is None
                if pair is not None:
                    working.append(asyncio.ensure_future(loop.work(pair)))
                    following += 1
            if not working:
                return
            yield await working[0]
            working.popleft()
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


def _draw(sampler: Sampler, index: int) -> Pair | None:
    try:
        return sampler.pair(index)
    except InvalidInputError:
        return None
