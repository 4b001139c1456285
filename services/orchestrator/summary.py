"""A run's numbers on a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_summary(manifest: dict[str, Any], address: str) -> None:
    """Print what a run came to, and where it lies, on standard output."""
    console = Console()
    # Text, not markup: a policy's name and a folder may hold brackets.
    table = Table(title=Text(f"{manifest['pairs']} pairs, policy {manifest['policy']}, seed {manifest['seed']}"))
    table.add_column("decision")
    table.add_column("pairs", justify="right")
    table.add_row("[green]accepted[/green]", str(manifest["accepted"]))
    for reason, count in manifest["rejected"].items():
        table.add_row(reason.replace("_", " "), str(count))
    if manifest["missing"]:
        table.add_row("[yellow]not finished yet[/yellow]", str(manifest["missing"]))
    console.print(table)
    trials = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in manifest["trials_by_reason"].items())
    console.print(f"{manifest['trials']} trials: {trials or 'none'}")
    console.print(f"run digest {manifest['run_digest']}", soft_wrap=True)
    if not manifest["uniform"]:
        console.print("[yellow]several kinds of numerics took part: another run may differ in its bits[/yellow]")
    for line in placebo_lines(manifest["placebo"]):
        console.print(line)
    console.print(f"run directory {address}", soft_wrap=True, markup=False)


def placebo_lines(placebo: dict[str, Any]) -> list[str]:
    """Say what the placebo achieved beside the pairs that it is compared with."""
    if not placebo["twins"]:
        return ["No placebo stands beside this acceptance rate: it says what the gates let pass, no more."]
    lines = [
        f"placebo (benign styles): {placebo['accepted']} of {placebo['twins']} twins accepted; of the "
        f"{placebo['compared']} that were tried beside their pairs, {placebo['twins_accepted']} twins and "
        f"{placebo['pairs_accepted']} pairs"
    ]
    for name, what in (("acceptance_difference", "acceptance"), ("logit_difference", "the classifier's logit")):
        difference = placebo[name]
        if difference is not None:
            lines.append(f"pair minus placebo, {what}: {difference['mean']:+.2f} {_interval(difference)}")
    return lines


def _interval(difference: dict[str, float]) -> str:
    if "low" not in difference:
        return "(too few contents for an interval)"
    return f"(95 % interval {difference['low']:+.2f} to {difference['high']:+.2f}, over contents)"
