from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.curator.summary import print_counts
from shared.dataset import Dataset, Film, Label


def relabel(prepared: Path, source: Callable[[Film], str]) -> Dataset:
    dataset = Dataset.open(prepared)
    films = tuple(replace(film, source=source(film)) for film in dataset.films)
    return Dataset(dataset.path, dataset.info, films)


def test_counts_are_printed_by_source_label_and_split(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = Dataset.open(prepared)
    print_counts(dataset)
    printed = capsys.readouterr().out
    (benign,) = (line for line in printed.splitlines() if "benign" in line)
    cells = [cell.strip() for cell in benign.split("\u2502")[3:-1]]
    assert sum(int(cell.split(" ")[0]) for cell in cells) == sum(film.label is Label.BENIGN for film in dataset.films)
    assert "AUC" not in printed


def test_a_source_that_predicts_the_label_is_warned_of(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_counts(relabel(prepared, lambda film: film.label))
    printed = capsys.readouterr().out
    assert "AUC of the label guessed 1.00 from source, 1.00 from source and subset alone; 0.50 is chance" in printed
    assert "warning: where a film comes from predicts its label" in printed


def test_a_source_that_says_little_is_no_warning(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Both breasts of a patient are in one source, whatever their labels.
    print_counts(relabel(prepared, lambda film: film.view))
    printed = capsys.readouterr().out
    assert "AUC of the label guessed 0.50 from source" in printed
    assert "warning" not in printed
