"""Runs in a cluster, as a client sees them."""

import datetime
from dataclasses import dataclass
from typing import Any

from mammosynth.v1 import generation_pb2

_STATES = {
    generation_pb2.RUN_STATE_PENDING: "pending",
    generation_pb2.RUN_STATE_RUNNING: "running",
    generation_pb2.RUN_STATE_COMPLETE: "complete",
    generation_pb2.RUN_STATE_FAILED: "failed",
    generation_pb2.RUN_STATE_CANCELLED: "cancelled",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run and how far it is."""

    name: str
    state: str
    """One of "pending", "running", "complete", "failed" or "cancelled"."""
    pairs: int
    done: int
    """Pairs that have a record."""
    accepted: int
    rejected: dict[str, int]
    """Pairs that were given up, by reason."""
    run_digest: str
    """SHA-256 over decisions and films, once complete."""
    created: datetime.datetime

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("complete", "failed", "cancelled")

    @classmethod
    def from_message(cls, message: Any) -> "Run":
        """Read a message, or the answer that holds it."""
        run: generation_pb2.Run = message.run if hasattr(message, "run") else message
        return cls(
            name=run.name,
            state=_STATES.get(run.state, "unknown"),
            pairs=run.pairs,
            done=run.done,
            accepted=run.accepted,
            rejected=dict(run.rejected),
            run_digest=run.run_digest,
            created=run.created.ToDatetime(datetime.UTC),
        )
