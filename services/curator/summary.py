"""Tables of a data set for people."""

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.dataset import Dataset, Label, Split


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
    Console().print(table)
