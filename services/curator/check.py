"""`mammosynth dataset check`: says what is wrong with a prepared data set."""

from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.curator.configuration import CheckConfiguration
from services.curator.problems import Problem, Severity, check_film, check_folder, check_table
from services.curator.summary import print_counts
from services.curator.workers import map_in_processes
from shared.dataset import Dataset, Film
from shared.errors import DatasetError
from shared.progress import progress

_BATCH = 32
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def run(configuration: CheckConfiguration) -> None:
    """Check a prepared data set: its files, masks, splits, classes and sources."""
    dataset = Dataset.open(configuration.dataset)
    problems = find_problems(dataset, workers=configuration.workers)
    print_counts(dataset)
    _print_problems(problems)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if errors:
        raise DatasetError(f"{configuration.dataset}: found {errors} errors; see the table above")


def find_problems(dataset: Dataset, *, workers: int | None = 1) -> list[Problem]:
    """Everything that is wrong with a data set, errors first."""
    problems = [*check_folder(dataset), *check_table(dataset.films)]
    batches = [dataset.films[start : start + _BATCH] for start in range(0, len(dataset.films), _BATCH)]
    with progress("checking films", total=len(dataset.films)) as shown:
        for count, found in map_in_processes(partial(_check_batch, dataset), batches, workers=workers):
            problems += found
            shown.advance(count)
    return sorted(problems, key=lambda problem: (problem.severity, problem.where, problem.what))


def _check_batch(dataset: Dataset, films: Sequence[Film]) -> tuple[int, list[Problem]]:
    return len(films), [problem for film in films for problem in check_film(dataset, film)]


def _print_problems(problems: list[Problem]) -> None:
    console = Console()
    if not problems:
        console.print("[green]nothing is wrong with this data set[/green]")
        return
    table = Table(title="problems")
    table.add_column("severity")
    table.add_column("where", overflow="fold")
    table.add_column("what", overflow="fold")
    for problem in problems:
        colour = _COLOURS[problem.severity]
        table.add_row(Text(problem.severity, style=colour), Text(problem.where), Text(problem.what))
    console.print(table)
