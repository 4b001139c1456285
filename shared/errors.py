"""Errors of the domain.

MammosynthError
├── InvalidInputError          a request or an option holds a value that cannot be used
│   └── InvalidImageError      a film or a mask has the wrong shape, type, size or values
├── DatasetError               a table or a data set is malformed
├── ConfigurationError         a process is started with a value that cannot be used
├── ModelError                 a model file is missing, broken or not what it should be
├── ModelMismatchError         another model is served than the one asked for
├── WeightsNotFoundError       pretrained weights are neither given, shipped nor allowed to be downloaded
├── NotFoundError              something named by the caller does not exist
├── UnauthenticatedError       a caller does not show the token that is asked for
├── NotImplementedYetError     a call of the contract that this build does not answer
├── RefusedRunError            a run was started with other inputs than those it is continued with
├── UnfinishedPairsError       pairs of a run could not be finished because of faults
├── SkippedFilesError          files were skipped and the caller asked to be strict
├── NumericalError             the loss of a film became infinite or undefined
├── OverloadedError            a queue is full                                       (a retry can help)
├── UnavailableError           a service cannot be reached or is about to leave       (a retry can help)
├── DeadlineError              time ran out                                           (a retry can help)
├── CallCancelledError         the caller hung up
└── InternalError              something nobody foresaw                               (a retry can help)

Each has a stable `code`, sent to callers as the reason, and says whether a retry can help. How errors become gRPC
statuses stands in `shared.rpc.status`, how they become exit codes in `EXIT_CODES` below.
"""

from typing import ClassVar


class MammosynthError(Exception):
    """Raised whenever the domain refuses or fails; the message is meant for people and holds no traceback."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    @property
    def message(self) -> str:
        """What was found and what is needed."""
        return str(self.args[0]) if self.args else ""


class InvalidInputError(MammosynthError):
    """Raised when a field holds a value that cannot be used: names the field, what was found and what is needed."""

    code = "invalid_input"


class InvalidImageError(InvalidInputError):
    """Raised when a film or a mask has the wrong shape, type, size or values."""

    code = "invalid_image"


class DatasetError(MammosynthError):
    """Raised when a table or a prepared data set is malformed: names file, row and column."""

    code = "dataset_invalid"


class ConfigurationError(MammosynthError):
    """Raised when a process is started with a value that cannot be used: names the option or variable."""

    code = "configuration_invalid"


class ModelError(MammosynthError):
    """Raised when a model file is missing, broken, or not what it should be."""

    code = "model_invalid"


class ModelMismatchError(MammosynthError):
    """Raised when another model is served than the one that was asked for, or pinned by the run."""

    code = "model_mismatch"


class WeightsNotFoundError(MammosynthError):
    """Raised when pretrained weights are neither given, nor shipped, nor to be downloaded."""

    code = "weights_not_found"


class NotFoundError(MammosynthError):
    """Raised when something that the caller named does not exist."""

    code = "not_found"


class UnauthenticatedError(MammosynthError):
    """Raised when a caller does not show the token that a service asks for."""

    code = "unauthenticated"


class NotImplementedYetError(MammosynthError):
    """Raised by calls of the contract that this build does not answer."""

    code = "not_implemented"


class RefusedRunError(MammosynthError):
    """Raised when a run directory was started with other inputs than those it is continued with."""

    code = "run_refused"


class UnfinishedPairsError(MammosynthError):
    """Raised at the end of a run when pairs could not be finished because of faults."""

    code = "pairs_unfinished"


class SkippedFilesError(MammosynthError):
    """Raised at the end of the work when files were skipped and the caller asked to be strict."""

    code = "files_skipped"


class NumericalError(MammosynthError):
    """Raised when the loss of a film became infinite or undefined."""

    code = "numerical"


class OverloadedError(MammosynthError):
    """Raised when a queue is full; `retry_after_s` says when it is worth asking again, in seconds."""

    code = "overloaded"
    retryable = True

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnavailableError(MammosynthError):
    """Raised when a service cannot be reached, or is about to leave."""

    code = "unavailable"
    retryable = True


class DeadlineError(MammosynthError):
    """Raised when the time that the caller gave ran out."""

    code = "deadline_exceeded"
    retryable = True


class CallCancelledError(MammosynthError):
    """Raised when the caller hung up."""

    code = "cancelled"


class InternalError(MammosynthError):
    """Raised when something happened that nobody foresaw; the log holds its traceback under the id in the message."""

    code = "internal"
    retryable = True


def error_classes() -> tuple[type[MammosynthError], ...]:
    """Every error of the domain, the base class left out."""
    found: list[type[MammosynthError]] = []
    queue = list(MammosynthError.__subclasses__())
    while queue:
        error = queue.pop(0)
        found.append(error)
        queue.extend(error.__subclasses__())
    return tuple(found)


EXIT_FAULT = 1
EXIT_WRONG_INPUT = 2
EXIT_SKIPPED = 3
EXIT_TERMINATED = 143

EXIT_CODES: dict[type[MammosynthError], int] = {
    InvalidInputError: EXIT_WRONG_INPUT,
    DatasetError: EXIT_WRONG_INPUT,
    ConfigurationError: EXIT_WRONG_INPUT,
    ModelError: EXIT_WRONG_INPUT,
    ModelMismatchError: EXIT_WRONG_INPUT,
    WeightsNotFoundError: EXIT_WRONG_INPUT,
    NotFoundError: EXIT_WRONG_INPUT,
    UnauthenticatedError: EXIT_WRONG_INPUT,
    RefusedRunError: EXIT_WRONG_INPUT,
    SkippedFilesError: EXIT_SKIPPED,
}


def exit_code(error: MammosynthError) -> int:
    """Exit code of a command that ended with `error`: 2 wrong input, 3 skipped files, else 1."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), EXIT_FAULT)
