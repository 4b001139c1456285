"""Sub-commands as data: each service names its own, the command line takes those of the services that are there."""

from dataclasses import dataclass

from shared.configuration import Configuration


@dataclass(frozen=True)
class Command:
    """One sub-command of `mammosynth`."""

    name: str
    """As it is typed: "generate", or with its group before it, "dataset prepare"."""
    configuration: type[Configuration]
    """Its options."""
    module: str
    """Whose `run` does the work; imported once the command runs, not before."""
    text: str
    """What its help says."""
