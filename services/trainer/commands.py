"""The sub-commands of the trainer."""

from services.trainer.configuration import TrainAnomalyConfiguration, TrainClassifierConfiguration
from shared.commands import Command

COMMANDS = (
    Command(
        "train anomaly", TrainAnomalyConfiguration, "services.trainer.train_anomaly", "Train the anomaly detector."
    ),
    Command(
        "train classifier", TrainClassifierConfiguration, "services.trainer.train_classifier", "Train the classifier."
    ),
)
