"""The sub-commands of the evaluator."""

from services.evaluator.configuration import ReportConfiguration
from shared.commands import Command

COMMANDS = (Command("report", ReportConfiguration, "services.evaluator.report", "Write a page that shows a run."),)
