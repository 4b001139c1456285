"""Pairs by name and by draw."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.orchestrator.configuration import SweepConfiguration
from services.orchestrator.sweep.pairs import choose_pairs
from shared.dataset import Dataset, Label, Split
from shared.errors import ConfigurationError, DatasetError, NotFoundError
from tests.services.orchestrator.made import cohort, film
from tests.services.orchestrator.small_runs import write_dataset


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    entries = [*cohort(4, 3), replace(film("b8", Label.BENIGN), split=Split.TEST)]
    return write_dataset(tmp_path_factory.mktemp("films") / "dataset", entries)


def configuration(films: Dataset, **changes: Any) -> SweepConfiguration:
    values: dict[str, Any] = {"dataset": films.path, "output": Path("out"), "split": "generation"}
    return SweepConfiguration(**(values | changes))


def test_named_pairs_are_taken_as_they_are_named_whatever_their_labels(films: Dataset) -> None:
    pairs = choose_pairs(films, configuration(films, pairs=("b1:m2", "m0:b0")))
    assert [(pair.content.image_id, pair.style.image_id) for pair in pairs] == [("b1", "m2"), ("m0", "b0")]
    assert pairs[0].name == "b1+m2"


def test_pairs_are_drawn_from_the_split_by_the_seed(films: Dataset) -> None:
    pairs = choose_pairs(films, configuration(films, draw=4))
    assert pairs == choose_pairs(films, configuration(films, draw=4))
    assert pairs[:2] == choose_pairs(films, configuration(films, draw=2))
    assert {pair.content.image_id for pair in pairs} == {"b0", "b1", "b2", "b3"}
    assert {pair.style.label for pair in pairs} == {Label.MALIGNANT}
    assert any(choose_pairs(films, configuration(films, draw=4, seed=seed)) != pairs for seed in (1, 2, 3))


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "one film": ({"pairs": ("b1",)}, ConfigurationError, "--pairs: found 'b1', needed CONTENT:STYLE"),
    "three films": ({"pairs": ("b1:m1:m2",)}, ConfigurationError, "needed CONTENT:STYLE"),
    "the same film": ({"pairs": ("b1:b1",)}, ConfigurationError, "needed two different films"),
    "a pair twice": ({"pairs": ("b1:m1", "b1:m1")}, ConfigurationError, "found 'b1:m1' twice"),
    "an unknown film": ({"pairs": ("b1:m9",)}, NotFoundError, "--pairs: image_id: found 'm9'"),
    "a test film": ({"pairs": ("b8:m1",)}, DatasetError, "found 'b8', a film of the split test"),
    "more than there are": ({"draw": 5}, DatasetError, r"found 4 benign films .* needed 5 \(--draw\)"),
    "an empty split": ({"split": "validation"}, DatasetError, "split validation: found no"),
}


@pytest.mark.parametrize(("changes", "error", "expected"), REFUSED.values(), ids=REFUSED)
def test_pairs_that_are_not_there_are_named(
    films: Dataset, changes: dict[str, Any], error: type[Exception], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        choose_pairs(films, configuration(films, **changes))
