"""What an export tells whoever started it."""

from typing import Any

from rich.console import Console
from rich.table import Table


def print_export(console: Console, counts: list[dict[str, Any]], address: str, *, vetoed: int) -> None:
    """Print how many films of which kind and class lie where."""
    table = Table()
    for column in ("kind", "label", "films"):
        table.add_column(column, justify="right" if column == "films" else "left")
    for row in counts:
        table.add_row(row["kind"], row["label"], str(row["films"]))
    console.print(table)
    if vetoed:
        console.print(f"{vetoed} vetoed films left out")
    console.print(f"export {address}", soft_wrap=True, highlight=False, markup=False)
