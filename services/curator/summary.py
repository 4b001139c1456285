"""Tables of a data set for people."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.curator.source_bias import MOST_AUC_FROM_SOURCE, source_and_subset, source_auc, source_of
from shared.dataset import Dataset, Film, Label, Split


def print_counts(dataset: Dataset) -> None:
    """Print films (and patients) by source, label and split."""
    films = Counter((film.source, film.label, film.split) for film in dataset.films)
    patients: dict[tuple[str, Label, Split], set[str]] = {}
    for film in dataset.films:
        patients.setdefault((film.source, film.label, film.split), set()).add(film.patient_id)
    table = Table(title=Text(f"{dataset.path}: films (patients)"))
    table.add_column("source")
    table.add_column("label")
    for split in Split:
        table.add_column(split, justify="right")
    for source in sorted({film.source for film in dataset.films}):
        for label in Label:
            keys = [(source, label, split) for split in Split]
            cells = [f"{films[key]} ({len(patients[key])})" if films[key] else "-" for key in keys]
            table.add_row(Text(source), label, *cells)
    console = Console()
    console.print(table)
    _print_source_auc(console, dataset.films)


def _print_source_auc(console: Console, films: Sequence[Film]) -> None:
    """Print how well the source alone predicts the label, where there are several."""
    if len({source_and_subset(film) for film in films}) < 2:
        return
    aucs = {"source": source_auc(films, by=source_of), "source and subset": source_auc(films, by=source_and_subset)}
    said = ", ".join(f"{auc:.2f} from {name}" for name, auc in aucs.items())
    console.print(Text(f"AUC of the label guessed {said} alone; 0.50 is chance"), soft_wrap=True)
    if max(aucs.values()) > MOST_AUC_FROM_SOURCE:
        console.print(
            Text("warning: where a film comes from predicts its label; compare films within sources", style="yellow"),
            soft_wrap=True,
        )
