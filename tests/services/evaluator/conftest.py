"""A small data set, and runs on it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.dataset import Dataset
from tests.services.evaluator.run_writer import RunWriter, write_dataset

MakeRun = Callable[..., RunWriter]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture
def make_run(tmp_path: Path, dataset: Dataset) -> MakeRun:
    def make(*, pairs: int) -> RunWriter:
        return RunWriter(tmp_path / "run", dataset, pairs=pairs)

    return make


@pytest.fixture
def mixed_run(make_run: MakeRun) -> RunWriter:
    """Six pairs, all ended: three accepted, one not benign, two exhausted, of one of which the films were kept."""
    run = make_run(pairs=6)
    run.add_accepted(0)
    run.add_accepted(1, at=2)
    run.add_rejected(2, "anomalous", "low_confidence", keep=True)
    run.add(3, reason="content_not_benign")
    run.add_accepted(4)
    run.add_rejected(5, "still_benign", "still_benign")
    run.add_timings("first", {0: 10.0, 1: 20.0, 2: 30.0})
    run.add_timings("second", {3: 2.0, 4: 10.0, 5: 30.0})
    run.finalise()
    return run
