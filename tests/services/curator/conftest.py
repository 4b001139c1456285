import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from services.curator.configuration import PhantomConfiguration, PrepareConfiguration
from services.curator.phantom.command import run as make_phantoms
from services.curator.prepare import run as prepare


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the films of twelve small phantom patients and their table.csv."""
    folder = tmp_path_factory.mktemp("phantoms")
    make_phantoms(PhantomConfiguration(output=folder, patients=12, rows=96, columns=72, seed=11, workers=1))
    return folder


@pytest.fixture(scope="session")
def prepare_phantoms(phantoms: Path) -> Callable[..., Path]:
    """Prepare the phantoms, or other films, into a folder."""

    def run(output: Path, **options: object) -> Path:
        given: dict[str, object] = {
            "images": phantoms,
            "table": phantoms / "table.csv",
            "output": output,
            "size": 32,
            "workers": 1,
        }
        prepare(PrepareConfiguration(**(given | options)))  # type: ignore[arg-type]
        return output

    return run


@pytest.fixture(scope="session")
def _prepared(prepare_phantoms: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_phantoms(tmp_path_factory.mktemp("prepared") / "dataset")


@pytest.fixture
def prepared(_prepared: Path, tmp_path: Path) -> Path:
    """A data set prepared from the phantoms, which a test may spoil."""
    return Path(shutil.copytree(_prepared, tmp_path / "prepared"))
