"""`mammosynth submit`, `cancel`, and `status` of a run in a cluster."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from mammosynth.client import Generator, Run
from rich.console import Console
from rich.text import Text

from services.orchestrator.configuration import CancelConfiguration, StatusConfiguration, SubmitConfiguration
from services.orchestrator.connection import connected
from shared.errors import EXIT_FAULT
from shared.progress import progress

_WATCH_S = 30 * 86_400.0


def submit(configuration: SubmitConfiguration) -> int:
    """Start a run, print its name, and watch it where that is wanted; returns the exit code."""
    with connected(configuration.address, configuration) as generator:
        run = generator.create_run(
            request_id=configuration.request_id or uuid.uuid4().hex,
            pairs=configuration.pairs,
            seed=configuration.seed,
            policy=configuration.policy,
            shards=configuration.shards,
            timeout=configuration.timeout_s,
        )
        Console().print(run.name, highlight=False)
        return _watched(generator, run) if configuration.watch else 0


def cancel(configuration: CancelConfiguration) -> int:
    """Stop a run; returns the exit code."""
    with connected(configuration.address, configuration) as generator:
        _print(generator.cancel_run(configuration.run, timeout=configuration.timeout_s))
    return 0


def status(address: str, configuration: StatusConfiguration) -> int:
    """Say how far a run in a cluster is; returns the exit code."""
    with connected(address, configuration) as generator:
        run = generator.get_run(configuration.run, timeout=configuration.timeout_s)
        if configuration.format == "json":
            last = run
            for last in _looks(generator, run) if configuration.watch else [run]:
                _print_json(last)
            return _code(last)
        if configuration.watch:
            return _watched(generator, run)
    _print(run)
    return _code(run)


def _print_json(run: Run) -> None:
    """Print all numbers, one line."""
    values: dict[str, Any] = asdict(run) | {"created": run.created.isoformat()}
    Console().print(json.dumps(values, sort_keys=True), soft_wrap=True, highlight=False, markup=False)


def _watched(generator: Generator, run: Run) -> int:
    last = run
    with progress(run.name, total=run.pairs, done=run.done) as reporter:
        for last in _looks(generator, run):
            note = f"{last.state}, {last.accepted} accepted, {sum(last.rejected.values())} rejected"
            reporter.advance(last.done - reporter.done, note=note)
    _print(last)
    return _code(last)


def _looks(generator: Generator, run: Run) -> Iterable[Run]:
    return [run] if run.ended else generator.watch_run(run.name, timeout=_WATCH_S)


def _code(run: Run) -> int:
    return EXIT_FAULT if run.state == "failed" else 0


def _print(run: Run) -> None:
    console = Console()
    console.print(Text(f"{run.name}: {run.state}, {run.done} of {run.pairs} pairs have ended, {run.accepted} accepted"))
    for reason, count in run.rejected.items():
        console.print(Text(f"{reason.replace('_', ' ')}: {count}"))
    if run.run_digest:
        console.print(Text(f"run digest {run.run_digest}"), soft_wrap=True)
