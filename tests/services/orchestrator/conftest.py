"""Settings that every test of the orchestrator is run with, and places to write to."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import fsspec
import hypothesis
import pytest
import stamina
import yaml
from moto.server import ThreadedMotoServer

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


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder that is not there yet."""
    return str(tmp_path / "run")


@pytest.fixture
def memory() -> str:
    """A place in memory of its own."""
    return f"memory://{uuid.uuid4().hex}/run"


@pytest.fixture(scope="session")
def object_storage() -> Iterator[str]:
    """A server on loopback that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(object_storage: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of its own; addresses of the kind s3:// lead to the server on loopback."""
    for name, value in {
        "AWS_ENDPOINT_URL": object_storage,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = uuid.uuid4().hex
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}/run"


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
