"""The `mammosynth` command. A service is imported only when its sub-command runs."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from services.anomaly.configuration import AnomalyConfiguration
from services.classifier.configuration import ClassifierConfiguration
from services.curator.configuration import CheckConfiguration, PhantomConfiguration, PrepareConfiguration
from services.evaluator.configuration import ReportConfiguration
from services.orchestrator.configuration import (
    FinaliseConfiguration,
    GenerateConfiguration,
    OrchestratorConfiguration,
    ReplayConfiguration,
)
from services.stylizer.configuration import StylizerConfiguration
from services.trainer.configuration import TrainAnomalyConfiguration, TrainClassifierConfiguration
from shared.configuration import Configuration, command
from shared.errors import EXIT_FAULT, MammosynthError, exit_code
from shared.log import configure, get_logger

# Threads that spin while they wait cost three to nine times where others want the cores too, as in a pod, or with three
# services on one machine. OpenMP reads this when torch is loaded, which no import above does.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
dataset = typer.Typer(no_args_is_help=True, help="Make, prepare and check data sets.")
train = typer.Typer(no_args_is_help=True, help="Train the two gates.")
serve = typer.Typer(no_args_is_help=True, help="Serve one of the services over gRPC.")
app.add_typer(dataset, name="dataset")
app.add_typer(train, name="train")
app.add_typer(serve, name="serve")


@app.callback()
def _common(
    log_level: Annotated[
        str, typer.Option(help="Least severe log lines shown.", metavar="debug|info|warning|error")
    ] = os.environ.get("MAMMOSYNTH_LOG_LEVEL") or "info",
) -> None:
    """Grow the malignant class of a mammography data set by gated style transfer."""
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(f"found {log_level!r}, needed debug, info, warning or error", param_hint="--log-level")
    configure(level=log_level)


def _add(to: typer.Typer, name: str, configuration: type[Configuration], module: str, text: str) -> None:
    """Add a sub-command that runs `module`.run once it is called, and ends with the exit code that it returns."""

    def run(values: Any) -> None:
        work: Callable[[Any], int | None] = import_module(module).run
        raise typer.Exit(work(values) or 0)

    run.__doc__ = text
    command(to, name, configuration, run)


_add(dataset, "phantom", PhantomConfiguration, "services.curator.phantom.command", "Make phantom mammograms.")
_add(dataset, "prepare", PrepareConfiguration, "services.curator.prepare", "Prepare a folder of films with a table.")
_add(dataset, "check", CheckConfiguration, "services.curator.check", "Say what is wrong with a prepared data set.")
_add(train, "anomaly", TrainAnomalyConfiguration, "services.trainer.train_anomaly", "Train the anomaly detector.")
_add(train, "classifier", TrainClassifierConfiguration, "services.trainer.train_classifier", "Train the classifier.")
_add(serve, "stylizer", StylizerConfiguration, "services.stylizer.__main__", "Serve style transfer.")
_add(serve, "anomaly", AnomalyConfiguration, "services.anomaly.__main__", "Serve the anomaly detector.")
_add(serve, "classifier", ClassifierConfiguration, "services.classifier.__main__", "Serve the classifier.")
_add(
    serve,
    "orchestrator",
    OrchestratorConfiguration,
    "services.orchestrator.__main__",
    "Serve accepted samples as a stream.",
)
_add(
    app,
    "generate",
    GenerateConfiguration,
    "services.orchestrator.generate",
    "Generate synthetic malignant films; an interrupted run goes on where it was.",
)
_add(
    app,
    "finalise",
    FinaliseConfiguration,
    "services.orchestrator.finalise",
    "Pack the records of a run, complete or not, and sum them up.",
)
_add(
    app,
    "replay",
    ReplayConfiguration,
    "services.orchestrator.replay",
    "Make an accepted film again and compare it to the bit.",
)
_add(app, "report", ReportConfiguration, "services.evaluator.report", "Write a page that shows a run.")


def main() -> None:
    """Run the command line; exit codes are those of `shared.errors`, 130 after Ctrl-C, and 143 after SIGTERM."""
    try:
        app()
    except MammosynthError as error:
        # Text, not markup: what was found may hold brackets.
        Console(stderr=True).print(Text.assemble((error.code, "red"), f": {error.message}"), soft_wrap=True)
        sys.exit(exit_code(error))
    except Exception:  # the outermost boundary: whatever is left is logged, and ends with the code for faults
        get_logger("cli").exception("unexpected error")
        sys.exit(EXIT_FAULT)


if __name__ == "__main__":
    main()
