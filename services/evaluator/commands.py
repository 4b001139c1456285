"""The sub-commands of the evaluator."""

from services.evaluator.configuration import JudgeConfiguration, ReportConfiguration
from shared.commands import Command

COMMANDS = (
    Command("report", ReportConfiguration, "services.evaluator.report", "Write a page that shows a run."),
    Command(
        "judge",
        JudgeConfiguration,
        "services.evaluator.judge.command",
        "Ask a second classifier about the films that a run made.",
    ),
)
