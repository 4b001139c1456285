"""How long work ends before its end: by a signal, or because a service that it needs cannot be kept alive."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from shared.errors import UnavailableError

_Result = TypeVar("_Result")


@contextmanager
def cancelled_by_signals() -> Iterator[None]:
    """Cancel the task that is within on SIGTERM and Ctrl-C; what it has not written by then is left undone."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, task.cancel if task else loop.stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def unless_broken(broken: asyncio.Event, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do the work, or stop it once `broken` is set.

    Raises:
        UnavailableError: if it was.

    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(broken.wait())
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise UnavailableError("a service that was started here keeps dying; its log says why")
        return await working
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
