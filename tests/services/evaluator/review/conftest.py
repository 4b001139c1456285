"""A run, and a study of it."""

from pathlib import Path

import pytest

from services.evaluator.review.study import Study
from tests.services.evaluator.review.made import make_study, write_run
from tests.services.evaluator.run_writer import RunWriter


@pytest.fixture
def run(tmp_path: Path) -> RunWriter:
    return write_run(tmp_path)


@pytest.fixture
def study(run: RunWriter, tmp_path: Path) -> Study:
    return make_study(run, tmp_path / "readers", repeats=4)
