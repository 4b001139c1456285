"""A small run, made anew for each test that changes it."""

from pathlib import Path

import pytest

from shared.dataset import Dataset
from tests.services.curator.export.made_run import write_dataset, write_run
from tests.services.evaluator.run_writer import RunWriter


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("export") / "dataset")


@pytest.fixture
def run(tmp_path: Path, dataset: Dataset) -> RunWriter:
    return write_run(tmp_path / "run", dataset)
