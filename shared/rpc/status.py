"""Which gRPC status an error of the domain becomes, and back.

Besides the status each error carries ErrorInfo (its stable code), RetryInfo where it says when to ask again, and the
code once more as plain trailing metadata, for clients that have only grpcio.
"""

from typing import Any, NamedTuple

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from mammosynth.channel import ERROR_CODE_KEY, RETRY_DELAY_KEY

from shared import errors
from shared.errors import MammosynthError, OverloadedError

_DOMAIN = "mammosynth"

STATUS: dict[type[MammosynthError], grpc.StatusCode] = {
    errors.InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidImageError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.DatasetError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ConfigurationError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ModelError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ModelMismatchError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.WeightsNotFoundError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.RefusedRunError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotFoundError: grpc.StatusCode.NOT_FOUND,
    errors.UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    errors.NotImplementedYetError: grpc.StatusCode.UNIMPLEMENTED,
    errors.NumericalError: grpc.StatusCode.OUT_OF_RANGE,
    errors.OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.UnavailableError: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.CallCancelledError: grpc.StatusCode.CANCELLED,
    errors.UnfinishedPairsError: grpc.StatusCode.ABORTED,
    errors.SkippedFilesError: grpc.StatusCode.DATA_LOSS,
    errors.InternalError: grpc.StatusCode.INTERNAL,
}

_BY_CODE = {kind.code: kind for kind in STATUS}
# Where the peer sent no code of ours (the transport failed, or it is another program), the status alone must do.
_BY_STATUS: dict[grpc.StatusCode, type[MammosynthError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidInputError,
    grpc.StatusCode.NOT_FOUND: errors.NotFoundError,
    grpc.StatusCode.UNAUTHENTICATED: errors.UnauthenticatedError,
    grpc.StatusCode.UNIMPLEMENTED: errors.NotImplementedYetError,
    grpc.StatusCode.UNAVAILABLE: errors.UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineError,
    grpc.StatusCode.CANCELLED: errors.CallCancelledError,
    # Without our code this is gRPC's "message too large", where asking again cannot help.
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.InvalidInputError,
}


class Status(NamedTuple):
    """What a server ends a call with, in the order of `ServicerContext.abort`."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


def to_status(error: MammosynthError) -> Status:
    """Make the status, with details, that a server aborts with."""
    code = STATUS[type(error)]
    details = [_packed(error_details_pb2.ErrorInfo(reason=error.code.upper(), domain=_DOMAIN))]
    trailers: list[tuple[str, str | bytes]] = [(ERROR_CODE_KEY, error.code)]
    if isinstance(error, OverloadedError):
        milliseconds = max(1, round(error.retry_after_s * 1000))
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(milliseconds)
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
        trailers.append((RETRY_DELAY_KEY, str(milliseconds)))
    rich = rpc_status.to_status(status_pb2.Status(code=code.value[0], message=error.message, details=details))
    return Status(code, error.message, (*rich.trailing_metadata, *trailers))


def from_rpc_error(error: grpc.aio.AioRpcError) -> MammosynthError:
    """Restore the error of the domain from what a call ended with."""
    status = error.code()
    message = error.details() or status.name
    metadata: Any = error.trailing_metadata() or ()
    trailers = {str(key): str(value) for key, value in metadata if not str(key).endswith("-bin")}
    kind = _BY_CODE.get(trailers.get(ERROR_CODE_KEY, "")) or _BY_STATUS.get(status, errors.InternalError)
    if kind is OverloadedError:
        return OverloadedError(message, int(trailers.get(RETRY_DELAY_KEY, "1000")) / 1000)
    return kind(message)


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
