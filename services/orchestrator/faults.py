"""How often a call or a trajectory is made again after a fault. A fault is never a decision."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import stamina

from shared.errors import MammosynthError, ModelMismatchError, OverloadedError


@dataclass(frozen=True)
class Patience:
    """Bounds on repeated attempts: in number and in time, with jitter between them."""

    attempts: int = 12
    timeout_s: float = 900.0
    wait_initial_s: float = 0.2
    wait_max_s: float = 20.0

    def attempts_made(self) -> AsyncIterator[stamina.Attempt]:
        """Attempts for `async for … with`, repeated after faults that another attempt can help."""
        return aiter(
            stamina.retry_context(
                on=_worth_another_attempt,
                attempts=self.attempts,
                timeout=self.timeout_s,
                wait_initial=self.wait_initial_s,
                wait_max=self.wait_max_s,
                wait_jitter=self.wait_initial_s,
            )
        )


def _worth_another_attempt(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if isinstance(error, OverloadedError):
        return error.retry_after_s
    # A service with another model is on its way out, or on its way back.
    return isinstance(error, MammosynthError) and (error.retryable or isinstance(error, ModelMismatchError))
