"""The sub-commands of the stylizer."""

from services.stylizer.configuration import StylizerConfiguration
from shared.commands import Command

COMMANDS = (Command("serve stylizer", StylizerConfiguration, "services.stylizer.__main__", "Serve style transfer."),)
