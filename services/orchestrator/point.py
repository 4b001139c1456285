"""A trajectory after some number of steps, as the sweeps record it."""

from dataclasses import dataclass
from typing import Self

from services.orchestrator.retry_loop import Snapshot


@dataclass(frozen=True, kw_only=True)
class Point:
    """A trajectory after some number of steps."""

    steps: int
    evaluations: int
    loss: float
    """Weighted sum of the two below, no unit."""
    content_loss: float
    style_loss: float
    mean_absolute_change: float
    """Over the region, in units of full scale."""

    @classmethod
    def of(cls, snapshot: Snapshot, **more: object) -> Self:
        """Where a snapshot stands; `more` are the fields that a kind of point has beside these."""
        return cls(
            steps=snapshot.steps,
            evaluations=snapshot.evaluations,
            loss=snapshot.loss,
            content_loss=snapshot.content_loss,
            style_loss=snapshot.style_loss,
            mean_absolute_change=snapshot.mean_absolute_change,
            **more,
        )
