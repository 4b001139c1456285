"""The sub-commands of the evaluator."""

from services.evaluator.configuration import EvaluateConfiguration, JudgeConfiguration, ReportConfiguration
from shared.commands import Command

COMMANDS = (
    Command("report", ReportConfiguration, "services.evaluator.report.command", "Write a page that shows a run."),
    Command(
        "evaluate",
        EvaluateConfiguration,
        "services.evaluator.evaluate",
        "Measure a run's films against real ones, and find near copies.",
    ),
    Command(
        "judge",
        JudgeConfiguration,
        "services.evaluator.judge.command",
        "Ask a second classifier about the films that a run made.",
    ),
)
