"""Work that is ended before its end."""

import asyncio
import os
import signal

import pytest

from services.orchestrator.stopping import cancelled_by_signals, unless_broken
from shared.errors import UnavailableError


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_what_is_within(number: signal.Signals) -> None:
    async def work() -> None:
        with cancelled_by_signals():
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
            await asyncio.sleep(3600)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())


async def test_work_ends_by_itself_while_nothing_breaks() -> None:
    await unless_broken(asyncio.Event(), asyncio.sleep(0))


async def test_a_service_that_keeps_dying_stops_the_work() -> None:
    broken, stopped = asyncio.Event(), []

    async def work() -> None:
        try:
            broken.set()
            await asyncio.sleep(3600)
        finally:
            stopped.append(True)

    with pytest.raises(UnavailableError, match="keeps dying"):
        await unless_broken(broken, work())
    assert stopped == [True]


async def test_a_failure_of_the_work_is_raised_as_it_is() -> None:
    async def work() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await unless_broken(asyncio.Event(), work())
