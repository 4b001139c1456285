"""One film on its way through the engine: its schedule, its callbacks, and what became of it."""

import time
import uuid
from collections.abc import Callable

import numpy as np

from services.stylizer.batch import SlotState
from services.stylizer.job import TransferJob
from services.stylizer.trajectory import Snapshot
from shared.errors import CallCancelledError, DeadlineError, InternalError, MammosynthError, NumericalError
from shared.log import get_logger

OnSnapshot = Callable[[Snapshot], None]
OnEnd = Callable[[MammosynthError | None], None]


class RunningFilm:
    """A job, how far it has come, and whom to tell. Callbacks run on the engine's thread and must be quick."""

    def __init__(self, job: TransferJob, on_snapshot: OnSnapshot, on_end: OnEnd) -> None:
        """Schedule the snapshots: the evaluations after which they are due."""
        self.job = job
        self.evaluations = 0
        self._on_snapshot = on_snapshot
        self._on_end = on_end
        self._due = [(job.recipe.evaluations(steps), steps) for steps in job.snapshot_steps]
        self._last = self._due[-1][0]
        self._cancelled = False

    @property
    def remaining(self) -> int:
        """Evaluations until the end."""
        return self._last - self.evaluations

    @property
    def snapshot_due(self) -> bool:
        """Whether a snapshot has to be taken now."""
        return bool(self._due) and self._due[0][0] == self.evaluations

    def cancel(self) -> None:
        """Ask the engine to drop this film at the next step. Safe from any thread, and at any time."""
        self._cancelled = True

    def reason_to_stop(self) -> MammosynthError | None:
        """Why this film should leave before its end, if it should."""
        if self._cancelled:
            return CallCancelledError(f"cancelled after {self.evaluations} evaluations")
        if self.job.deadline is not None and time.monotonic() >= self.job.deadline:
            return DeadlineError(f"deadline passed after {self.evaluations} of {self._last} evaluations")
        return None

    def not_finite(self) -> NumericalError:
        """Make the error of a film that became NaN or infinite."""
        return NumericalError(f"film or loss became NaN or infinite within {self.evaluations} evaluations")

    def deliver(self, state: SlotState) -> MammosynthError | None:
        """Hand out every snapshot that is due now; returns what went wrong, if anything did."""
        if not state.finite:
            return self.not_finite()
        while self.snapshot_due:
            evaluations, steps = self._due.pop(0)
            snapshot = Snapshot(
                steps=steps,
                evaluations=evaluations,
                film=state.film,
                loss=state.loss,
                content_loss=state.content_loss,
                style_loss=state.style_loss,
                mean_absolute_change=self._change(state),
            )
            try:
                self._on_snapshot(snapshot)
            except Exception as error:  # a caller's fault must not end the other films
                return unexpected("a snapshot's receiver failed", error)
        return None

    def end(self, error: MammosynthError | None) -> None:
        """Tell the caller that it is over, and why if before the end."""
        try:
            self._on_end(error)
        except Exception as failure:  # a caller's fault must not end the other films
            unexpected("an end's receiver failed", failure)

    def _change(self, state: SlotState) -> float:
        change = np.abs(state.film.astype(np.float64) - self.job.content)
        mask, _ = self.job.region_masks
        return float(change.mean() if mask is None else change[mask].mean())


def unexpected(event: str, error: Exception) -> InternalError:
    """Log an error that nobody foresaw, and make one for the caller that names the log's id."""
    identity = uuid.uuid4().hex
    get_logger("stylizer").exception(event, id=identity, exc_info=error)
    return InternalError(f"unexpected error, id {identity}")
