"""A small data set, runs on it, and a browser; without one, or playwright to drive it, its tests are skipped."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


def _chromium() -> str | None:
    """Path of a browser: MAMMOSYNTH_TEST_CHROMIUM, else what is installed."""
    names = (os.environ.get("MAMMOSYNTH_TEST_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window.

    For one module only: as long as it is open its driver's event loop counts as running in this thread, and no test
    that awaits anything could run.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = _chromium()
    if path is None:
        pytest.skip("no Chromium: install one, or name it in MAMMOSYNTH_TEST_CHROMIUM")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
