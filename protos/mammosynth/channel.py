"""How mammosynth's services are called: one policy for channels, one error, streams that can be left."""

import json
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import grpc

from mammosynth.security import Security

MAXIMUM_MESSAGE_BYTES = 64 * 1024 * 1024

ERROR_CODE_KEY = "mammosynth-error-code"
RETRY_DELAY_KEY = "mammosynth-retry-after-ms"

_SERVICE_CONFIG = {
    # One connection to every address that the name resolves to, calls shared out in turn.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            # The transport's faults only: what a service answers is for the caller to judge.
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    # Above 256 KiB a message would not be retried: two 16-bit films of 512 px are more.
    ("grpc.per_rpc_retry_buffer_size", MAXIMUM_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # A name may have got new addresses whenever a connection ends; gRPC's own pause between look-ups is 30 s.
    ("grpc.dns_min_time_between_resolutions_ms", 5000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Two channels of one process must not share a connection, or one's flow control would hold up the other.
    ("grpc.use_local_subchannel_pool", 1),
)

# Where the peer sent no code of ours: the transport failed, or it is another program.
_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: "invalid_input",
    grpc.StatusCode.NOT_FOUND: "not_found",
    grpc.StatusCode.UNAUTHENTICATED: "unauthenticated",
    grpc.StatusCode.UNIMPLEMENTED: "not_implemented",
    grpc.StatusCode.UNAVAILABLE: "unavailable",
    grpc.StatusCode.DEADLINE_EXCEEDED: "deadline_exceeded",
    grpc.StatusCode.CANCELLED: "cancelled",
    # Without our code this is gRPC's "message too large", where asking again cannot help.
    grpc.StatusCode.RESOURCE_EXHAUSTED: "invalid_input",
}

_Response = TypeVar("_Response")
_Value = TypeVar("_Value")
_ServiceError = TypeVar("_ServiceError", bound="ServiceError")


class ServiceError(Exception):
    """Raised when a service refuses, fails, or cannot be reached in time."""

    def __init__(self, code: str, message: str, *, status: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """Stable name of what happened: "invalid_image", "overloaded", "unavailable", "deadline_exceeded", …"""
        self.message = message
        """What was found and what is needed, for people."""
        self.status = status
        """Name of the gRPC status: "INVALID_ARGUMENT", "UNAVAILABLE", …"""
        self.retry_after_s = retry_after_s
        """When it is worth asking again, in seconds, where the service says so."""

    @classmethod
    def from_call(cls: type[_ServiceError], error: Any) -> _ServiceError:
        """Read what a call ended with."""
        status: grpc.StatusCode = error.code()
        trailers = dict(error.trailing_metadata() or ())
        code = trailers.get(ERROR_CODE_KEY) or _CODES.get(status, "internal")
        delay = trailers.get(RETRY_DELAY_KEY)
        return cls(
            code,
            error.details() or status.name,
            status=status.name,
            retry_after_s=int(delay) / 1000 if delay else None,
        )


class Connection:
    """A channel to `host:port` or `dns:///name:port`, to be closed.

    Every call on it has a deadline, waits until its server is ready, is retried on faults of the transport and shared
    out among all addresses. It may be used from many threads, but not across a fork: open it in the child.
    """

    def __init__(self, address: str, security: Security | None = None) -> None:
        self.channel = (security or Security()).open(address, CHANNEL_OPTIONS)
        self._metadata = security.metadata if security else ()

    def call(self, method: Callable[..., _Response], request: Any, timeout: float) -> _Response:
        """Make a call and wait for its answer, `timeout` seconds at most.

        Raises:
            ServiceError: whenever there is none.

        """
        try:
            return method(request, timeout=_checked(timeout), wait_for_ready=True, metadata=self._metadata)
        except grpc.RpcError as error:
            raise ServiceError.from_call(error) from error

    def stream(
        self, method: Callable[..., Any], request: Any, timeout: float, read: Callable[[Any], _Value]
    ) -> "Stream[_Value]":
        """Make a call that is answered by a stream, which must have ended after `timeout` seconds."""
        call = method(request, timeout=_checked(timeout), wait_for_ready=True, metadata=self._metadata)
        return Stream(call, read)

    def close(self) -> None:
        """Close the channel; calls in progress end."""
        self.channel.close()


class Stream(Generic[_Value]):
    """Answers one by one. Leave it by `close`, or as a context manager, to stop the work on the other side."""

    def __init__(self, call: Any, read: Callable[[Any], _Value]) -> None:
        self._call = call
        self._read = read
        self._closed = False

    def __iter__(self) -> Iterator[_Value]:
        return self

    def __next__(self) -> _Value:
        if self._closed:
            raise StopIteration
        try:
            return self._read(next(self._call))
        except grpc.RpcError as error:
            if self._closed:  # by another thread, meanwhile
                raise StopIteration from None
            raise ServiceError.from_call(error) from error

    def close(self) -> None:
        """Hang up. What has arrived is yours; nothing more is worked on."""
        self._closed = True
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _checked(timeout: float) -> float:
    if not timeout > 0:
        raise ValueError(f"timeout: found {timeout}, needed seconds above 0")
    return timeout
