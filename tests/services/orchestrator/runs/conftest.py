"""A cluster on loopback, run directories, and the service that stands between."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mammosynth.client import Generator
from mammosynth.v1 import generation_pb2_grpc

from services.orchestrator.__main__ import SERVICE
from services.orchestrator.ledger import Ledger
from services.orchestrator.runs.jobs import Jobs
from services.orchestrator.runs.records import Records
from services.orchestrator.runs.request import JobTemplate
from services.orchestrator.runs.runs import Runs
from services.orchestrator.servicer import GenerationServicer
from shared.record import Decision, Reason
from shared.rpc.server import ServerConfiguration, serve
from shared.store import Store
from tests.services.orchestrator.made import pins, record
from tests.services.orchestrator.runs.fake_kubernetes import FakeKubernetes, serving

LABELS = {
    "app.kubernetes.io/name": "mammosynth-run",
    "app.kubernetes.io/instance": "films",
    "app.kubernetes.io/component": "generate",
}


def template() -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "run", "labels": dict(LABELS)},
        "spec": {
            "completionMode": "Indexed",
            "completions": 1,
            "parallelism": 2,
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "generate",
                            "image": "mammosynth-orchestrator:0.1.0",
                            "env": [
                                {"name": "MAMMOSYNTH_GENERATE_DATASET", "value": "/dataset"},
                                {"name": "MAMMOSYNTH_GENERATE_PAIRS", "value": "1"},
                            ],
                        }
                    ]
                }
            },
        },
    }


@pytest.fixture
def kubernetes() -> FakeKubernetes:
    return FakeKubernetes()


@pytest.fixture
def kubeconfig(kubernetes: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with serving(kubernetes, tmp_path) as path:
        # The module reads the variable when it is imported.
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        yield path


class Directories:
    """Run directories as the pods of runs write them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, *pairs: int, of: int = 4, rejected: tuple[int, ...] = ()) -> None:
        ledger = Ledger(Store(str(self.path / name)))
        if not ledger.store.exists("run.json"):
            ledger.pin(pins(pairs=of))
        for pair in pairs:
            accepted = pair not in rejected
            changes: dict[str, Any] = {} if accepted else {"decision": Decision.REJECTED, "reason": Reason.EXHAUSTED}
            # The film is not looked at here, the record is.
            ledger.store.write(f"pairs/{pair:06d}.json", record(pair, accepted=accepted, **changes).to_json())

    def finalise(self, name: str) -> str:
        manifest = Ledger(Store(str(self.path / name))).finalise()
        return str(manifest["run_digest"])

    def request(self, name: str) -> Any:
        return json.loads((self.path / name / "request.json").read_text())


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    return Directories(tmp_path / "runs")


@pytest.fixture
def runs(kubeconfig: Path, directories: Directories) -> Runs:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    return Runs(
        Jobs.connect(LABELS),
        Records(str(directories.path)),
        JobTemplate(template()),
        policies={"stable": "stable", "mine": "/etc/mammosynth/policies/mine.yaml"},
        default_policy="stable",
        sleep=at_once,
    )


Serving = Callable[..., Any]


@pytest.fixture
def served(runs: Runs, unused_port: int) -> Serving:
    @asynccontextmanager
    async def start() -> AsyncIterator[tuple[str, Generator]]:
        nothing: Any = None
        servicer = GenerationServicer(nothing, nothing, policies={}, in_flight=1, any_size=False, runs=runs)
        address = f"127.0.0.1:{unused_port}"
        code = asyncio.ensure_future(
            serve(
                configuration=ServerConfiguration(listen=address, drain_s=0),
                register=partial(generation_pb2_grpc.add_GenerationServiceServicer_to_server, servicer),
                services=[SERVICE],
            )
        )
        try:
            with Generator(address) as generator:
                yield address, generator
        finally:
            code.cancel()
            await asyncio.gather(code, return_exceptions=True)

    return start
