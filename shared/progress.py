"""Progress of long work: a bar with rate and time left on a terminal, a log line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from shared.log import get_logger

_LOG_EVERY_S = 15.0


class ProgressReporter:
    """How far a piece of work is. Call `advance` after each unit; the note says something about the last one."""

    def __init__(self, show: Callable[[int, str], None], total: int, done: int) -> None:
        self._show = show
        self.total = total
        self.done = done

    def advance(self, units: int = 1, *, note: str = "") -> None:
        """Count `units` more as done."""
        self.done += units
        self._show(self.done, note)


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_rate(task.finished_speed or task.speed or 0.0), style="cyan")


def _rate(per_second: float) -> str:
    if per_second <= 0.0:
        return "0/s"
    return f"{per_second:.1f}/s" if per_second >= 1.0 else f"{1.0 / per_second:.1f} s each"


@contextmanager
def progress(description: str, *, total: int, done: int = 0) -> Iterator[ProgressReporter]:
    """Show the progress of `total` units of work, of which `done` were there before, on standard error."""
    console = Console(stderr=True)
    if console.is_terminal:
        yield from _bar(console, description, total, done)
    else:
        yield _log_lines(description, total, done)


def _bar(console: Console, description: str, total: int, done: int) -> Iterator[ProgressReporter]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=total, completed=done, note="")
        yield ProgressReporter(lambda now, note: bar.update(task, completed=now, note=note), total, done)


def _log_lines(description: str, total: int, done: int) -> ProgressReporter:
    log = get_logger("progress")
    started = last = time.monotonic()

    def show(now: int, note: str) -> None:
        nonlocal last
        moment = time.monotonic()
        if now < total and moment - last < _LOG_EVERY_S:
            return
        last = moment
        per_second = (now - done) / max(moment - started, 1e-9)
        left = round((total - now) / per_second) if per_second > 0 else None
        log.info(description, done=now, total=total, rate=_rate(per_second), seconds_left=left, note=note)

    return ProgressReporter(show, total, done)
