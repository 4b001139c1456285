"""Errors of the domain on both sides of a call, and the server's metrics."""

import asyncio
import inspect
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from prometheus_client import Counter, Gauge, Histogram

from shared.errors import CallCancelledError, InternalError, MammosynthError, NotImplementedYetError
from shared.log import get_logger
from shared.rpc.status import STATUS, from_rpc_error, to_status

DEFAULT_DEADLINE_S = 60.0

_CALLS = Counter("mammosynth_rpc_total", "Calls that ended, by method and status.", ["method", "status"])
_SECONDS = Histogram(
    "mammosynth_rpc_seconds",
    "Duration of calls in seconds.",
    ["method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900),
)
_RUNNING = Gauge("mammosynth_rpc_running", "Calls in progress.", ["method"])


class ErrorServerInterceptor(grpc.aio.ServerInterceptor):
    """Turns errors of the domain into statuses, the unexpected into INTERNAL with an id, and counts calls."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Wrap the method's handler; unary requests only, as the contract has no other."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler
        method = handler_call_details.method
        kinds = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.response_streaming:
            if inspect.iscoroutinefunction(handler.unary_stream):  # writes its answers itself, as health's Watch does
                return grpc.unary_stream_rpc_method_handler(_unary(handler.unary_stream, method), **kinds)
            return grpc.unary_stream_rpc_method_handler(_streaming(handler.unary_stream, method), **kinds)
        return grpc.unary_unary_rpc_method_handler(_unary(handler.unary_unary, method), **kinds)


def _unary(handle: Callable[[Any, Any], Awaitable[Any]], method: str) -> Callable[[Any, Any], Awaitable[Any]]:
    async def wrapped(request: Any, context: Any) -> Any:
        with _Call(method) as call:
            try:
                return await handle(request, context)
            except Exception as error:  # the boundary: whatever a handler raises ends here
                await call.abort(context, error)

    return wrapped


def _streaming(handle: Callable[[Any, Any], AsyncIterator[Any]], method: str) -> Callable[[Any, Any], Any]:
    async def wrapped(request: Any, context: Any) -> AsyncIterator[Any]:
        with _Call(method) as call:
            try:
                async for response in handle(request, context):
                    yield response
            except Exception as error:  # the boundary: whatever a handler raises ends here
                await call.abort(context, error)

    return wrapped


class _Call:
    """Counts one call and ends it with a status."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._status = grpc.StatusCode.OK

    def __enter__(self) -> "_Call":
        self._started = time.monotonic()
        _RUNNING.labels(self._method).inc()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, asyncio.CancelledError | GeneratorExit):
            self._status = grpc.StatusCode.CANCELLED
        _RUNNING.labels(self._method).dec()
        _SECONDS.labels(self._method).observe(time.monotonic() - self._started)
        _CALLS.labels(self._method, self._status.name).inc()

    async def abort(self, context: Any, error: Exception) -> None:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        if isinstance(error, NotImplementedError):  # what generated servicers raise where a call has no handler
            error = NotImplementedYetError(f"{self._method}: this build does not answer this call")
        if not isinstance(error, MammosynthError):
            identity = uuid.uuid4().hex
            get_logger("rpc").exception("unexpected error", method=self._method, id=identity, exc_info=error)
            error = InternalError(f"unexpected error, id {identity}")
        self._status = STATUS[type(error)]
        await context.abort(*to_status(error))


class ErrorClientInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """Gives every unary call a deadline, lets it wait for its server, and restores errors of the domain."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make the call and wait for its answer."""
        call = await continuation(_bounded(client_call_details), request)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error


class ErrorStreamClientInterceptor(grpc.aio.UnaryStreamClientInterceptor):
    """The same for calls that are answered by a stream."""

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make the call; its answers come one by one."""
        call = await continuation(_bounded(client_call_details), request)
        return _answers(call)


async def _answers(call: Any) -> AsyncIterator[Any]:
    try:
        async for response in call:
            yield response
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    except asyncio.CancelledError as error:
        raise cancelled(error) from error
    finally:
        call.cancel()


def cancelled(error: asyncio.CancelledError) -> BaseException:
    """What a cancelled call is to its caller: the end of its task, or a fault where its channel was closed under it."""
    task = asyncio.current_task()
    return error if task is None or task.cancelling() else CallCancelledError("the connection was closed")


def _bounded(details: Any) -> Any:
    timeout = DEFAULT_DEADLINE_S if details.timeout is None else details.timeout
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=timeout,
        metadata=details.metadata,
        credentials=details.credentials,
        wait_for_ready=True,
    )
