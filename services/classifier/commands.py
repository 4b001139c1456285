"""The sub-commands of the classifier service."""

from services.classifier.configuration import ClassifierConfiguration
from shared.commands import Command

COMMANDS = (
    Command("serve classifier", ClassifierConfiguration, "services.classifier.__main__", "Serve the classifier."),
)
