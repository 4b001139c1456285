"""The calls of runs as they are served, and the commands that make them."""

import asyncio
import json
from typing import Any

import pytest
from mammosynth.client import ServiceError

from services.orchestrator.configuration import (
    CancelConfiguration,
    LogsConfiguration,
    StatusConfiguration,
    SubmitConfiguration,
)
from services.orchestrator.runs import commands, logs
from services.orchestrator.status import command as status
from shared.errors import NotFoundError, RefusedRunError
from tests.services.orchestrator.runs.conftest import Directories, Serving
from tests.services.orchestrator.runs.fake_kubernetes import FakeKubernetes


async def test_a_client_starts_watches_lists_and_stops_runs(
    served: Serving, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    async with served() as (_, generator):
        run = await asyncio.to_thread(lambda: generator.create_run(request_id="a", pairs=4, shards=2, seed=3))
        assert (run.state, run.pairs, run.done) == ("pending", 4, 0)
        directories.write(run.name, 0, 1, 2, rejected=(1,))
        now = await asyncio.to_thread(generator.get_run, run.name)
        assert (now.state, now.done, now.accepted, now.rejected) == ("running", 3, 2, {"exhausted": 1})
        other = await asyncio.to_thread(lambda: generator.create_run(request_id="b", pairs=1))
        listed = await asyncio.to_thread(lambda: list(generator.list_runs(page_size=1)))
        assert [item.name for item in listed] == [other.name, run.name]
        stopped = await asyncio.to_thread(generator.cancel_run, other.name)
        assert stopped.state == "cancelled"
        directories.write(run.name, 3)
        digest = directories.finalise(run.name)
        seen = await asyncio.to_thread(lambda: list(generator.watch_run(run.name)))
        assert (seen[-1].state, seen[-1].run_digest, seen[-1].created) == ("complete", digest, run.created)


async def test_a_refusal_reaches_the_client_with_its_code(served: Serving) -> None:
    async with served() as (_, generator):
        with pytest.raises(ServiceError) as caught:
            await asyncio.to_thread(generator.get_run, "run-0123456789abcdef")
        assert (caught.value.code, caught.value.status) == ("not_found", "NOT_FOUND")


def submitted(address: str, **changes: Any) -> SubmitConfiguration:
    values: dict[str, Any] = {"address": address, "pairs": 4, "request_id": "a"}
    return SubmitConfiguration(**values | changes)


async def test_submit_prints_the_name_and_the_same_id_starts_it_once(
    served: Serving, kubernetes: FakeKubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served() as (address, _):
        for _ in range(2):
            assert await asyncio.to_thread(commands.submit, submitted(address)) == 0
        (name,) = kubernetes.jobs
        assert capsys.readouterr().out.split().count(name) == 2
        with pytest.raises(RefusedRunError, match="used before"):
            await asyncio.to_thread(commands.submit, submitted(address, seed=1))


async def test_submit_watches_until_the_run_has_ended(
    served: Serving, kubernetes: FakeKubernetes, directories: Directories, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served() as (address, generator):
        name = (await asyncio.to_thread(lambda: generator.create_run(request_id="a", pairs=4))).name
        watching = asyncio.ensure_future(asyncio.to_thread(commands.submit, submitted(address, watch=True)))
        directories.write(name, 0, 1, 2, 3, rejected=(2,))
        digest = directories.finalise(name)
        assert await watching == 0
    said = capsys.readouterr().out
    assert f"{name}: complete, 4 of 4 pairs have ended, 3 accepted" in said
    assert digest in said


async def test_status_tells_a_run_of_a_cluster_and_fails_with_it(
    served: Serving, kubernetes: FakeKubernetes, directories: Directories, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served() as (address, generator):
        name = (await asyncio.to_thread(lambda: generator.create_run(request_id="a", pairs=4))).name
        directories.write(name, 0)
        configuration = StatusConfiguration(run=name, address=address, format="json")
        assert await asyncio.to_thread(status.run, configuration) == 0
        said = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("{"))
        assert (json.loads(said)["state"], json.loads(said)["done"]) == ("running", 1)
        kubernetes.set_status(name, "Failed")
        for watch in (False, True):
            configuration = StatusConfiguration(run=name, address=address, watch=watch)
            assert await asyncio.to_thread(status.run, configuration) == 1
            assert "failed, 1 of 4 pairs" in capsys.readouterr().out


async def test_cancel_stops_it(served: Serving, kubernetes: FakeKubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    async with served() as (address, generator):
        name = (await asyncio.to_thread(lambda: generator.create_run(request_id="a", pairs=4))).name
        assert await asyncio.to_thread(commands.cancel, CancelConfiguration(run=name, address=address)) == 0
        assert f"{name}: cancelled" in capsys.readouterr().out
        assert not kubernetes.jobs
        with pytest.raises(NotFoundError, match="found none called 'other'"):
            await asyncio.to_thread(commands.cancel, CancelConfiguration(run="other", address=address))


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize("follow", [False, True])
def test_logs_are_those_of_all_pods(
    follow: bool, kubernetes: FakeKubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    kubernetes.logs = {"run-0-abc": "first\nsecond [red]\n", "run-1-def": "third\n"}
    assert logs.run(LogsConfiguration(run="run", follow=follow)) == 0
    said = capsys.readouterr().out.splitlines()
    assert sorted(said) == ["run-0-abc first", "run-0-abc second [red]", "run-1-def third"]


@pytest.mark.usefixtures("kubeconfig")
def test_a_run_without_pods_has_no_logs(kubernetes: FakeKubernetes) -> None:
    with pytest.raises(NotFoundError, match="no pods of 'run' in the namespace films"):
        logs.run(LogsConfiguration(run="run"))
