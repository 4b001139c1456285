"""The `mammosynth` command. A service is imported only when its sub-command runs; an image holds one service alone.

Each service names its sub-commands in its `commands.py`.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from shared.commands import Command
from shared.configuration import command
from shared.errors import EXIT_FAULT, EXIT_TERMINATED, MammosynthError, exit_code
from shared.log import configure, get_logger

# Threads that spin while they wait cost three to nine times where others want the cores too, as in a pod, or with three
# services on one machine. OpenMP reads this when torch is loaded, which no import above does.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
dataset = typer.Typer(no_args_is_help=True, help="Make, prepare and check data sets.")
train = typer.Typer(no_args_is_help=True, help="Train the two gates.")
battery = typer.Typer(no_args_is_help=True, help="Spoil real films, to measure an anomaly detector with.")
export = typer.Typer(no_args_is_help=True, help="Write the films of a run for other programs.")
review = typer.Typer(no_args_is_help=True, help="Have radiologists look at a run's films, blinded.")
serve = typer.Typer(no_args_is_help=True, help="Serve one of the services over gRPC.")
_GROUPS = {"dataset": dataset, "train": train, "battery": battery, "export": export, "review": review, "serve": serve}
_SERVICES = ("curator", "trainer", "stylizer", "anomaly", "classifier", "orchestrator", "evaluator")


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


def _add(item: Command) -> None:
    """Add a sub-command that runs its module's `run` once it is called, and ends with the exit code that it returns."""

    def run(values: Any) -> None:
        work: Callable[[Any], int | None] = import_module(item.module).run
        raise typer.Exit(work(values) or 0)

    run.__doc__ = item.text
    group, _, name = item.name.rpartition(" ")
    command(_GROUPS[group] if group else app, name, item.configuration, run)


for _service in _SERVICES:
    if find_spec(f"services.{_service}") is not None:
        for _item in import_module(f"services.{_service}.commands").COMMANDS:
            _add(_item)
for _name, _group in _GROUPS.items():
    if _group.registered_commands:
        app.add_typer(_group, name=_name)


def names() -> set[str]:
    """Sub-commands as they are typed: "generate", "dataset prepare", …"""
    groups = {"": app, **{f"{name} ": group for name, group in _GROUPS.items()}}
    return {f"{prefix}{item.name}" for prefix, group in groups.items() for item in group.registered_commands}


def main() -> None:
    """Run the command line; exit codes are those of `shared.errors`, 130 after Ctrl-C, and 143 after SIGTERM."""
    if os.getpid() == 1:  # of a container: the kernel gives it no default action for SIGTERM
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
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
