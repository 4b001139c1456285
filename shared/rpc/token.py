"""A token that callers of a server must show, `authorization: Bearer …`; health checks need none."""

import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc

from shared.errors import ConfigurationError, UnauthenticatedError
from shared.rpc.status import to_status

_OPEN = "/grpc.health.v1.Health/"


class TokenServerInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without the token. Stands behind the interceptor that turns errors into statuses."""

    def __init__(self, file: Path) -> None:
        """Take the file that holds the token; it is read at each call, as a mounted Secret may be replaced.

        Raises:
            ConfigurationError: if it cannot be read, or is empty.

        """
        self._file = file
        self._token()

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Put a refusal in the handler's place where the token is missing or another one."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(_OPEN):
            return handler
        if self._shown(handler_call_details.invocation_metadata):
            return handler
        kinds = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(_refuse_requests, **kinds)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(_refuse_stream, **kinds)
        return grpc.unary_unary_rpc_method_handler(_refuse, **kinds)

    def _shown(self, metadata: Any) -> bool:
        expected = f"Bearer {self._token()}".encode()
        return any(
            key == "authorization" and hmac.compare_digest(str(value).encode(), expected)
            for key, value in metadata or ()
        )

    def _token(self) -> str:
        try:
            token = self._file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"--token-file: cannot read {self._file}: {error}") from error
        if not token:
            raise ConfigurationError(f"--token-file: found nothing in {self._file}, needed a token")
        return token


def _refusal() -> UnauthenticatedError:
    return UnauthenticatedError("authorization: found no token that is known here, needed `Bearer TOKEN`")


async def _refuse(request: Any, context: Any) -> Any:  # noqa: ARG001  gRPC calls it with both
    raise _refusal()


async def _refuse_stream(request: Any, context: Any) -> Any:  # noqa: ARG001
    raise _refusal()
    yield  # makes this a stream, as the call is one


async def _refuse_requests(requests: Any, context: Any) -> Any:  # noqa: ARG001
    # No other interceptor looks at calls with a stream of requests, which only reflection has.
    await context.abort(*to_status(_refusal()))
    yield
