"""The sub-commands of the curator."""

from services.curator.configuration import CheckConfiguration, PhantomConfiguration, PrepareConfiguration
from shared.commands import Command

COMMANDS = (
    Command("dataset phantom", PhantomConfiguration, "services.curator.phantom.command", "Make phantom mammograms."),
    Command(
        "dataset prepare", PrepareConfiguration, "services.curator.prepare", "Prepare a folder of films with a table."
    ),
    Command(
        "dataset check", CheckConfiguration, "services.curator.check", "Say what is wrong with a prepared data set."
    ),
)
