"""`mammosynth submit`."""

from services.orchestrator.runs.commands import submit as run

__all__ = ["run"]
