"""One made data set for all tests of the trainer."""

from pathlib import Path

import pytest

from services.trainer.films import FilmSet, load_films
from shared.dataset import Dataset, Split
from tests.services.trainer.made_films import write_dataset


@pytest.fixture(scope="session")
def dataset_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 patients to train on, 6 to validate, 2 for generation and 2 for tests; two films each."""
    patients = {Split.TRAIN: 20, Split.VALIDATION: 6, Split.GENERATION: 2, Split.TEST: 2}
    return write_dataset(tmp_path_factory.mktemp("made") / "dataset", patients=patients)


@pytest.fixture(scope="session")
def dataset(dataset_path: Path) -> Dataset:
    """The data set, opened."""
    return Dataset.open(dataset_path)


@pytest.fixture(scope="session")
def training(dataset: Dataset) -> FilmSet:
    """Its training films."""
    return load_films(dataset, splits=[Split.TRAIN])


@pytest.fixture(scope="session")
def validation(dataset: Dataset) -> FilmSet:
    """Its validation films."""
    return load_films(dataset, splits=[Split.VALIDATION])
