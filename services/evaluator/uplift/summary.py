"""An uplift's numbers on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_summary(result: Mapping[str, Any], console: Console) -> None:
    """Print what an uplift came to, the verdict last."""
    tests = result["test"]
    table = Table(
        title=f"{tests['films']} test films of {tests['patients']} patients, {tests['malignant']} malignant; means of "
        f"{result['seeds']} seeds, 95 % interval over patients"
    )
    at = f"at specificity {result['options']['specificity']:g}"
    for heading in ("real malignant", "arm", "films", "AUC", f"sensitivity {at}", f"precision {at}"):
        table.add_column(heading, justify="left" if heading == "arm" else "right")
    chosen = {one[side] for one in result["chosen"] for side in ("synthetic", "real")}
    for arm in result["arms"]:
        added = f" {arm['ratio']:g}x" if arm["ratio"] else ""
        mark = " *" if arm["name"] in chosen else ""
        films = f"{arm['benign']} + {arm['malignant']}" + (f" + {arm['added']}" if arm["added"] else "")
        figures = (written(arm[figure]) for figure in ("auc", "sensitivity", "precision"))
        table.add_row(f"{arm['amount']:g} %", f"{arm['arm']}{added}{mark}", films, *figures)
    if result["arms"]:
        console.print(table)
        console.print(Text("* chosen on the validation films: what the verdict is about."))
    for sentence in result["left_out"]:
        console.print(Text(f"left out: {sentence}"))
    for sentence in result["remarks"]:
        console.print(Text(sentence, "yellow"))
    console.print(Text(result["verdict"]["sentence"], "bold"))
    if result["verdict"]["placebo"] and result["control"] == "none":
        console.print(Text(result["verdict"]["placebo"]))


def written(estimate: Mapping[str, float | None]) -> str:
    """A figure with its interval."""
    texts = ["-" if estimate[key] is None else f"{estimate[key]:.3f}" for key in ("value", "low", "high")]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"
