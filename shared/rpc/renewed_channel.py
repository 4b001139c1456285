"""A channel that is opened anew when its certificates are replaced, without losing the calls in progress."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import grpc

from shared.log import get_logger
from shared.rpc.certificates import Pem, PemFiles
from shared.rpc.interceptors import cancelled

_LOOK_EVERY_S = 2.0
_CONNECTED = (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.IDLE)


class _Opened:
    """One channel, and how many calls are in progress on it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.calls = 0
        self.retired = False


class _Answer:
    """A call that is answered once, and fails with an error of the domain where its channel was closed under it."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __await__(self) -> Generator[Any, None, Any]:
        return self._answered().__await__()

    async def _answered(self) -> Any:
        try:
            return await self._call
        except asyncio.CancelledError as error:
            raise cancelled(error) from error


class RenewedChannel:
    """Makes each call on a channel that was opened with the certificates as they are now.

    A replaced channel ends when its last call has. One that had no connection is closed at once: calls that wait on it
    end as cancelled, a fault that callers try again, as its certificates may never be good for one.
    """

    def __init__(
        self,
        files: PemFiles,
        open_with: Callable[[Pem], grpc.aio.Channel],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._open_with = open_with
        self._clock = clock
        self._looked = clock()
        self._now = _Opened(open_with(files.pem))
        self._closing: set[asyncio.Task[None]] = set()
        self._retired: set[_Opened] = set()

    def unary_unary(self, *method: Any, **options: Any) -> Callable[..., Any]:
        """Return what makes a call that is answered once; arguments as of `grpc.aio.Channel`."""
        return lambda request, **details: _Answer(self._call("unary_unary", method, options, request, details))

    def unary_stream(self, *method: Any, **options: Any) -> Callable[..., Any]:
        """Return what makes a call that is answered by a stream; arguments as of `grpc.aio.Channel`."""
        return lambda request, **details: self._call("unary_stream", method, options, request, details)

    async def close(self) -> None:
        """Close all that is open; calls in progress end."""
        for opened in (self._now, *self._retired):
            await opened.channel.close()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _call(self, kind: str, method: Any, options: Any, request: Any, details: Any) -> Any:
        opened = self._current()
        call = getattr(opened.channel, kind)(*method, **options)(request, **details)
        opened.calls += 1

        def ended(_: Any) -> None:
            opened.calls -= 1
            self._close_if_done(opened)

        call.add_done_callback(ended)
        return call

    def _current(self) -> _Opened:
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            if self._files.changed():
                get_logger("tls").info("certificates were replaced")
                self._replace()
        return self._now

    def _replace(self) -> None:
        before, self._now = self._now, _Opened(self._open_with(self._files.pem))
        before.retired = True
        self._retired.add(before)
        if before.channel.get_state() in _CONNECTED:
            self._close_if_done(before)
        else:
            self._close(before)

    def _close_if_done(self, opened: _Opened) -> None:
        if opened.retired and opened.calls == 0:
            self._close(opened)

    def _close(self, opened: _Opened) -> None:
        if opened not in self._retired:
            return
        self._retired.discard(opened)
        task = asyncio.ensure_future(opened.channel.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
