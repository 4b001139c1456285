"""Settings that every test of the orchestrator is run with, and a run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
import stamina
import yaml

from tests import tiny_models
from tests.loopback import process
from tests.services.orchestrator.made import cohort
from tests.services.orchestrator.small_runs import PAIRS, POLICY, Run, Workshop, write_dataset

# The same examples on every machine, however slow it is today.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Attempts follow one another at once; how many there are is for the code to bound."""
    with stamina.set_testing(True, attempts=10_000):
        yield


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    dataset = write_dataset(folder / "dataset", cohort(4, 3))
    (folder / "models").mkdir()
    tiny_models.write_anomaly(folder / "models" / "anomaly.onnx")
    tiny_models.write_classifier(folder / "models" / "classifier.onnx")
    (folder / "quick.yaml").write_text(yaml.safe_dump(POLICY))
    variables = {"MAMMOSYNTH_STYLIZER_SLOTS": "2", "MAMMOSYNTH_STYLIZER_THREADS": "1"}
    for gate in ("anomaly", "classifier"):
        variables[f"MAMMOSYNTH_{gate.upper()}_MODEL"] = str(folder / "models" / f"{gate}.onnx")
    with ExitStack() as stack:
        services = {
            name: stack.enter_context(process(f"services.{name}", **variables))[1]
            for name in ("stylizer", "anomaly", "classifier")
        }
        yield Workshop(folder, dataset, services)


@pytest.fixture(scope="session")
def run(workshop: Workshop) -> Run:
    """A whole run, through the command line, with gates of its own."""
    output = workshop.folder / "run"
    command = [
        *(sys.executable, "-m", "services.cli", "generate", "--dataset", "dataset", "--models", "models"),
        *("--policy", "quick.yaml", "--output", str(output), "--pairs", str(PAIRS), "--keep-rejected", "1"),
        *("--stylizer", workshop.services["stylizer"]),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    return Run(
        output,
        subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, cwd=workshop.folder, env=environment
        ),
    )
