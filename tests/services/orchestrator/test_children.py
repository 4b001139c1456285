"""Services as child processes: started, started again, given up, and gone when their parent is."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from mammosynth.client import AnomalyDetector

from services.orchestrator import children
from services.orchestrator.children import running_services
from services.orchestrator.configuration import ServicesConfiguration
from shared.errors import ConfigurationError, UnavailableError
from tests import tiny_models

NOWHERE = "127.0.0.1:1"


def configuration(models: Path, **changes: Any) -> ServicesConfiguration:
    """All but the anomaly service are somewhere else."""
    values: dict[str, Any] = {"models": models, "stylizer": NOWHERE, "classifier": NOWHERE}
    return ServicesConfiguration(**(values | changes))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    tiny_models.write_anomaly(tmp_path / "anomaly.onnx")
    return tmp_path


def mine() -> list[psutil.Process]:
    """The children of this process that serve."""
    return [child for child in psutil.Process().children() if "services.cli" in child.cmdline()]


async def name_of_model(address: str) -> str:
    def ask() -> str:
        with AnomalyDetector(address) as detector:
            return detector.info(timeout=60).model.name

    return await asyncio.to_thread(ask)


async def test_services_whose_addresses_are_given_are_not_started(tmp_path: Path) -> None:
    given = configuration(tmp_path, stylizer="a:1", anomaly="dns:///b:2", classifier="c:3")
    async with running_services(given, logs=tmp_path / "logs") as (addresses, broken):
        assert addresses == {"stylizer": "a:1", "anomaly": "dns:///b:2", "classifier": "c:3"}
        assert not broken.is_set()
        assert mine() == []
        assert list((tmp_path / "logs").iterdir()) == []


async def test_a_service_that_is_killed_is_started_again_at_its_address_a_bounded_number_of_times(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_RESTARTS", 1)
    async with running_services(configuration(models), logs=models / "logs") as (addresses, broken):
        assert (addresses["stylizer"], addresses["classifier"]) == (NOWHERE, NOWHERE)
        assert await name_of_model(addresses["anomaly"]) == "tiny-anomaly"
        (first,) = mine()
        first.kill()
        assert await name_of_model(addresses["anomaly"]) == "tiny-anomaly"
        (second,) = mine()
        assert second.pid != first.pid
        assert not broken.is_set()
        second.kill()
        async with asyncio.timeout(30):
            await broken.wait()
    assert mine() == []
    assert (models / "logs" / "anomaly.log").exists()


async def test_a_service_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    needed = rf"anomaly: could not be started, exit code 2: .*model_invalid: .*{tmp_path}/anomaly\.onnx"
    with pytest.raises(ConfigurationError, match=f"(?s){needed}"):
        async with running_services(configuration(tmp_path), logs=None):
            raise AssertionError("it was started")
    assert mine() == []


async def test_a_service_that_is_not_there_in_time_is_left(models: Path) -> None:
    with pytest.raises(UnavailableError, match=r"anomaly: did not say where it listens within 0\.01 s"):
        async with running_services(configuration(models, start_timeout_s=0.01), logs=None):
            raise AssertionError("it was started")
    assert mine() == []


PARENT = """
import asyncio, signal, sys
from pathlib import Path
from services.orchestrator.children import running_services
from services.orchestrator.configuration import ServicesConfiguration

async def main():
    signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
    given = ServicesConfiguration(models=Path(sys.argv[1]), stylizer="a:1", classifier="c:3")
    async with running_services(given, logs=None) as (addresses, _):
        print(addresses["anomaly"], flush=True)
        while True:
            await asyncio.sleep(0.05)

asyncio.run(main())
"""


@pytest.fixture
def parent(models: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process, the first of its group, that has the anomaly service as its child."""
    command = [sys.executable, "-c", PARENT, str(models)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as started:
        yield started
        started.kill()


async def test_a_service_ends_with_its_parent_however_that_ends_but_not_on_ctrl_c(
    parent: "subprocess.Popen[str]",
) -> None:
    assert parent.stdout is not None
    address = parent.stdout.readline().strip()
    (child,) = psutil.Process(parent.pid).children()
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: it is for the parent to say when the work has ended
    assert parent.stdout.readline() == "interrupted\n"
    assert await name_of_model(address) == "tiny-anomaly"
    assert psutil.Process(parent.pid).children() == [child]
    parent.kill()
    gone, left = psutil.wait_procs([child], timeout=30)
    assert (gone, left) == ([child], [])


OPTIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "defaults": ({}, ("--trunk", "vgg16", "--dtype", "float32")),
    "all": (
        {"trunk": "vgg19", "slots": 3, "threads": 2, "dtype": "bfloat16"},
        ("--trunk", "vgg19", "--dtype", "bfloat16", "--slots", "3", "--threads", "2"),
    ),
}


@pytest.mark.parametrize(("given", "stylizer"), OPTIONS.values(), ids=OPTIONS)
def test_services_are_started_with_what_was_given(given: dict[str, Any], stylizer: tuple[str, ...]) -> None:
    found = children._options(configuration(Path("models"), **given))
    assert found == {
        "stylizer": stylizer,
        "anomaly": ("--model", "models/anomaly.onnx"),
        "classifier": ("--model", "models/classifier.onnx"),
    }
