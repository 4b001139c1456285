"""Runs as messages."""

from google.protobuf import timestamp_pb2
from mammosynth.v1 import generation_pb2

from services.orchestrator.runs.runs import Run, State

_STATES = {
    State.PENDING: generation_pb2.RUN_STATE_PENDING,
    State.RUNNING: generation_pb2.RUN_STATE_RUNNING,
    State.COMPLETE: generation_pb2.RUN_STATE_COMPLETE,
    State.FAILED: generation_pb2.RUN_STATE_FAILED,
    State.CANCELLED: generation_pb2.RUN_STATE_CANCELLED,
}


def to_run(run: Run) -> generation_pb2.Run:
    """Make a message of a run."""
    created = timestamp_pb2.Timestamp()
    created.FromDatetime(run.created)
    return generation_pb2.Run(
        name=run.name,
        state=_STATES[run.state],
        pairs=run.pairs,
        done=run.counts.done,
        accepted=run.counts.accepted,
        rejected=run.counts.rejected,
        run_digest=run.counts.run_digest,
        created=created,
    )
