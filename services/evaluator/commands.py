"""The sub-commands of the evaluator."""

from services.evaluator.configuration import (
    ConvertInceptionConfiguration,
    EvaluateConfiguration,
    JudgeConfiguration,
    ReportConfiguration,
    ReviewMakeConfiguration,
    ReviewReadConfiguration,
    UpliftConfiguration,
)
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
        "convert-inception",
        ConvertInceptionConfiguration,
        "services.evaluator.convert_inception",
        "Make the weights that evaluate takes from a PyTorch checkpoint, without running what is in it.",
    ),
    Command(
        "judge",
        JudgeConfiguration,
        "services.evaluator.judge.command",
        "Ask a second classifier about the films that a run made.",
    ),
    Command(
        "review make",
        ReviewMakeConfiguration,
        "services.evaluator.review.make",
        "Make a blinded page of accepted, placebo and real films for radiologists.",
    ),
    Command(
        "review read",
        ReviewReadConfiguration,
        "services.evaluator.review.read",
        "Score what radiologists answered, and veto the films that they reject.",
    ),
    Command(
        "uplift",
        UpliftConfiguration,
        "services.evaluator.uplift.command",
        "Say whether a classifier learns better with a run's films, and how sure that is.",
    ),
)
