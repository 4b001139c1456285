"""`mammosynth cancel`."""

from services.orchestrator.runs.commands import cancel as run

__all__ = ["run"]
