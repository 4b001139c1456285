"""How often a call or a trajectory is made again after a fault. A fault is never a decision."""

import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import stamina

from shared.errors import CallCancelledError, MammosynthError, ModelMismatchError, OverloadedError


@dataclass(frozen=True)
class Patience:
    """Bounds on repeated attempts, with jitter between them; each attempt is bounded in time by its own deadline."""

    attempts: int = 12
    """Attempts that may end with a fault."""
    refused_s: float = 7200.0
    """Seconds for which full queues may refuse; refusals are no faults, they say that others are served."""
    wait_initial_s: float = 0.2
    wait_max_s: float = 20.0
    clock: Callable[[], float] = time.monotonic

    def attempts_made(self) -> AsyncIterator[stamina.Attempt]:
        """Attempts for `async for … with`, repeated after faults that another attempt can help."""
        return aiter(
            stamina.retry_context(
                on=_Judge(self).worth_another_attempt,
                attempts=None,
                timeout=None,
                wait_initial=self.wait_initial_s,
                wait_max=self.wait_max_s,
                wait_jitter=self.wait_initial_s,
            )
        )


class _Judge:
    """Judges the faults of one series of attempts."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._faults = 0
        self._refused_since: float | None = None

    def worth_another_attempt(self, error: Exception) -> bool | float:
        """Whether to try again, or after how many seconds."""
        if not is_fault(error):
            return False
        if isinstance(error, OverloadedError):
            return self._refused(error)
        self._refused_since = None
        self._faults += 1
        return self._faults < self._patience.attempts

    def _refused(self, error: OverloadedError) -> bool | float:
        now = self._patience.clock()
        if self._refused_since is None:
            self._refused_since = now
        if now - self._refused_since >= self._patience.refused_s:
            return False
        # Not all who were refused at once should come back at once.
        return float(error.retry_after_s * random.uniform(1.0, 1.25))


def is_fault(error: BaseException) -> bool:
    """Whether another attempt can help: something was away, late, busy or on its way, and nothing is decided."""
    # A service with another model is on its way out, or on its way back; a call that ended as cancelled while its
    # caller still waits was ended by the other side.
    return isinstance(error, MammosynthError) and (
        error.retryable or isinstance(error, ModelMismatchError | CallCancelledError)
    )
