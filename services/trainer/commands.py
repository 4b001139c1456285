"""The sub-commands of the trainer."""

from services.trainer.configuration import (
    ScoreBatteryConfiguration,
    TrainAnomalyConfiguration,
    TrainClassifierConfiguration,
)
from shared.commands import Command

COMMANDS = (
    Command(
        "train anomaly",
        TrainAnomalyConfiguration,
        "services.trainer.train_anomaly",
        "Train the anomaly detector on real films; an interrupted training goes on after its last whole epoch.",
    ),
    Command(
        "train classifier",
        TrainClassifierConfiguration,
        "services.trainer.train_classifier",
        "Train the classifier and report what it achieves; an interrupted training goes on after its last whole epoch.",
    ),
    Command(
        "battery score",
        ScoreBatteryConfiguration,
        "services.trainer.score_battery",
        "Measure an anomaly model that is there with a battery, without training.",
    ),
)
