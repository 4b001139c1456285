"""How far a run is, on a terminal."""

from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.orchestrator.status.watcher import Status
from services.orchestrator.summary import placebo_lines
from shared.durations import duration


def screen(status: Status, *, now: float) -> RenderableType:
    """Lay out the numbers of a run.

    Args:
        status: how far it is.
        now: the time, in seconds since 1970.

    """
    manifest = status.manifest
    # Text, not markup: names and folders may hold brackets.
    parts: list[RenderableType] = [
        Text.assemble((f"run {status.address}", "bold"), f": policy {manifest['policy']}, seed {manifest['seed']}"),
        _bar(manifest),
        Text(_how_far(status, now)),
        _outcomes(manifest),
        Text(_trials(manifest)),
        *(Text(line) for line in placebo_lines(manifest["placebo"])),
    ]
    if manifest["placebo"]["missing"]:
        parts.append(Text(f"{manifest['placebo']['missing']} placebo twins have not ended yet"))
    if not manifest["uniform"]:
        parts.append(Text("several kinds of numerics took part: another run may differ in its bits", "yellow"))
    if status.unreadable:
        more = f", and {len(status.unreadable) - 1} more" if len(status.unreadable) > 1 else ""
        parts.append(Text(f"record that cannot be read: {status.unreadable[0]}{more}", "red"))
    if manifest["complete"]:
        parts.append(Text(f"run digest {manifest['run_digest']}", no_wrap=True, overflow="ignore"))
    return Group(*parts)


def _bar(manifest: dict[str, Any]) -> RenderableType:
    line = Table.grid(padding=(0, 2))
    line.add_row(
        ProgressBar(total=manifest["pairs"], completed=manifest["done"], width=40),
        Text(f"{manifest['done']:,} of {manifest['pairs']:,} pairs have ended"),
    )
    return line


def _how_far(status: Status, now: float) -> str:
    pace, manifest = status.pace, status.manifest
    if manifest["complete"]:
        state = "complete"
    elif not manifest["missing"]:
        state = "all pairs have ended, placebo twins have not"
    else:
        state = "not complete"
    if pace is None or not pace.timed:
        return f"{state}; no worker has written down its times yet"
    words = [state, f"{duration(pace.seconds_per_pair)} a pair"]
    if manifest["accepted"]:
        words.append(f"{duration(pace.seconds_per_pair * manifest['done'] / manifest['accepted'])} an accepted film")
    if status.seconds_left:
        words.append(f"about {duration(status.seconds_left)} left for the pairs")
    words.append(f"last time written {duration(max(0.0, now - pace.last_ended))} ago")
    return ", ".join(words)


def _outcomes(manifest: dict[str, Any]) -> Table:
    table = Table()
    table.add_column("decision")
    table.add_column("pairs", justify="right")
    table.add_column("share of ended", justify="right")
    rows = [("accepted", manifest["accepted"], "green"), *((name, n, "") for name, n in manifest["rejected"].items())]
    for name, count, style in rows:
        share = f"{count / manifest['done']:.0%}" if manifest["done"] else ""
        table.add_row(Text(name.replace("_", " "), style), f"{count:,}", share)
    if manifest["missing"]:
        table.add_row(Text("not finished yet", "yellow"), f"{manifest['missing']:,}", "")
    return table


def _trials(manifest: dict[str, Any]) -> str:
    reasons = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in manifest["trials_by_reason"].items())
    by_trial = ", ".join(f"{count:,} at trial {number}" for number, count in manifest["accepted_by_trial"].items())
    return f"{manifest['trials']:,} trials: {reasons or 'none'}" + (f"\naccepted {by_trial}" if by_trial else "")
