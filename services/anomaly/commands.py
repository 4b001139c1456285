"""The sub-commands of the anomaly service."""

from services.anomaly.configuration import AnomalyConfiguration
from shared.commands import Command

COMMANDS = (Command("serve anomaly", AnomalyConfiguration, "services.anomaly.__main__", "Serve the anomaly detector."),)
