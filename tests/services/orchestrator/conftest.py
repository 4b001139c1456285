"""Settings that every test of the orchestrator is run with, and places to write to."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import hypothesis
import pytest
import stamina
from moto.server import ThreadedMotoServer

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
