"""An evaluation's numbers on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print what an evaluation came to."""
    for comparison in summary["comparisons"]:
        table = Table(title=comparison["title"])
        for heading in ("set", "films", "distance to real malignant films", "floor: real against real"):
            table.add_column(heading)
        for row in comparison["sets"]:
            found = row["result"]
            numbers = (_spread(found["distance"]), _spread(found["floor"])) if found else ("–", "–")  # noqa: RUF001
            table.add_row(row["title"], str(row["films"]), *numbers)
        console.print(table)
        for sentence in dict.fromkeys(f"{row['title']}: {row['sentence']}" for row in comparison["sets"]):
            console.print(Text(sentence))
    if summary["inception"] is None:
        console.print(
            "No FID and no KID: they need the weights of Inception v3, given with --inception; "
            "mammosynth convert-inception makes the file."
        )
    for row in summary["diversity"]:
        what = "accepted films" if row["name"] == "accepted" else "real malignant films"
        said = f"MS-SSIM {_spread(row['result']['similarity'])}" if row["result"] else row["sentence"]
        console.print(Text(f"Diversity, {what}: {said}"))
    if vetoed := summary["vetoed"]:
        console.print(f"Left out, as people vetoed them: {vetoed} of {summary['accepted']} accepted films")
    copies = summary["near_copies"]
    for name, meaning in (("copied", "near copies of a real film"), ("unchanged", "hardly changed from their content")):
        pairs = copies[name]
        named = f": pairs {', '.join(map(str, pairs[:20]))}{' …' if len(pairs) > 20 else ''}" if pairs else ""
        console.print(Text(f"{len(pairs)} of {copies['films']} films are {meaning}{named}", "red" if pairs else ""))


def _spread(values: Mapping[str, float]) -> str:
    return f"{values['mean']:.4g} ({values['low']:.4g} to {values['high']:.4g})"
