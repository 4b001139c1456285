"""Runs, against a server that speaks the Kubernetes API, and run directories on a disk."""

import asyncio
from typing import Any

import pytest

from services.orchestrator.runs.jobs import Jobs
from services.orchestrator.runs.records import Records
from services.orchestrator.runs.request import JobTemplate
from services.orchestrator.runs.runs import Run, Runs, State
from shared.errors import (
    ConfigurationError,
    InvalidInputError,
    MammosynthError,
    NotFoundError,
    RefusedRunError,
    UnavailableError,
)
from tests.services.orchestrator.runs.conftest import LABELS, Directories, template
from tests.services.orchestrator.runs.fake_kubernetes import FakeKubernetes

ASKED: dict[str, Any] = {"request_id": "mine", "policy": "", "seed": 5, "pairs": 4, "shards": 2}


def environment(job: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in job["spec"]["template"]["spec"]["containers"][0]["env"]}


async def test_a_run_is_a_job_made_of_the_template(
    runs: Runs, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    run = await runs.create(**ASKED | {"policy": "mine"})
    (job,) = kubernetes.jobs.values()
    assert (run.name, run.state, run.pairs) == (job["metadata"]["name"], State.PENDING, 4)
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (2, 2)
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["generate", "--shard=$(JOB_COMPLETION_INDEX)/2"]
    assert environment(job) == {
        "MAMMOSYNTH_GENERATE_DATASET": "/dataset",
        "MAMMOSYNTH_GENERATE_OUTPUT": f"{directories.path}/{run.name}",
        "MAMMOSYNTH_GENERATE_PAIRS": "4",
        "MAMMOSYNTH_GENERATE_SEED": "5",
        "MAMMOSYNTH_GENERATE_POLICY": "/etc/mammosynth/policies/mine.yaml",
    }
    assert "POST /apis/batch/v1/namespaces/films/jobs" in kubernetes.calls


async def test_the_same_request_starts_it_once(runs: Runs, kubernetes: FakeKubernetes) -> None:
    first = await runs.create(**ASKED)
    again = await asyncio.gather(*(runs.create(**ASKED) for _ in range(4)))
    assert {run.name for run in again} == {first.name}
    assert len(kubernetes.jobs) == 1
    assert len({(await runs.create(**ASKED | {"request_id": name})).name for name in ("other", "mine")}) == 2


async def test_the_same_request_finds_its_run_when_the_job_is_long_gone(
    runs: Runs, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    first = await runs.create(**ASKED)
    directories.write(first.name, 0, 1, 2, 3)
    digest = directories.finalise(first.name)
    kubernetes.jobs.clear()
    again = await runs.create(**ASKED)
    assert (again.state, again.counts.run_digest, again.created) == (State.COMPLETE, digest, first.created)
    assert not kubernetes.jobs


@pytest.mark.parametrize("job_is_there", [True, False], ids=["the job is there", "the job is gone"])
async def test_another_request_with_the_same_id_is_refused(
    job_is_there: bool, runs: Runs, kubernetes: FakeKubernetes
) -> None:
    await runs.create(**ASKED)
    if not job_is_there:
        kubernetes.jobs.clear()
    with pytest.raises(RefusedRunError, match="seed: begun with 5, now 6"):
        await runs.create(**ASKED | {"seed": 6})


async def test_of_two_different_requests_at_once_one_is_refused(runs: Runs, kubernetes: FakeKubernetes) -> None:
    asked = [runs.create(**ASKED | {"seed": seed}) for seed in (1, 2)]
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(item).__name__ for item in ended) == ["RefusedRunError", "Run"]
    assert len(kubernetes.jobs) == 1


WRONG: dict[str, tuple[dict[str, Any], type[MammosynthError], str]] = {
    "no id": ({"request_id": ""}, InvalidInputError, "request_id: found 0 characters"),
    "a long id": ({"request_id": "x" * 64}, InvalidInputError, "request_id: found 64 characters"),
    "no pairs": ({"pairs": 0}, InvalidInputError, "pairs: found 0"),
    "no shards": ({"shards": 0}, InvalidInputError, "shards: found 0"),
    "more shards than pairs": ({"shards": 5}, InvalidInputError, "shards: found 5"),
    "no such policy": ({"policy": "wild"}, NotFoundError, "policy: found 'wild', needed one of mine, stable"),
}


@pytest.mark.parametrize(("changes", "kind", "message"), WRONG.values(), ids=WRONG)
async def test_a_request_that_cannot_be_used_is_refused_by_field(
    changes: dict[str, Any], kind: type[MammosynthError], message: str, runs: Runs, kubernetes: FakeKubernetes
) -> None:
    with pytest.raises(kind, match=message):
        await runs.create(**ASKED | changes)
    assert not kubernetes.jobs


async def test_progress_comes_from_the_records(
    runs: Runs, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    run = await runs.create(**ASKED)
    directories.write(run.name, 0, 2, rejected=(2,))
    now = await runs.get(run.name)
    assert (now.state, now.counts.done, now.counts.accepted, now.counts.rejected) == (
        State.RUNNING,
        2,
        1,
        {"exhausted": 1},
    )
    directories.write(run.name, 1, 3)
    assert (await runs.get(run.name)).counts.done == 4
    digest = directories.finalise(run.name)
    kubernetes.set_status(run.name, "Complete", succeeded=2)
    done = await runs.get(run.name)
    assert (done.state, done.counts.accepted, done.counts.run_digest) == (State.COMPLETE, 3, digest)


STATES: dict[str, tuple[tuple[str, ...], dict[str, Any], State]] = {
    "nothing has begun": ((), {}, State.PENDING),
    "pods that are not ready": ((), {"active": 2}, State.PENDING),
    "a pod that is ready": ((), {"active": 2, "ready": 1}, State.RUNNING),
    "a shard that has ended": ((), {"succeeded": 1}, State.RUNNING),
    "a failed index": (("Failed",), {"failed": 1}, State.FAILED),
    "done without all records": (("Complete",), {"succeeded": 2}, State.FAILED),
}


@pytest.mark.parametrize(("conditions", "status", "expected"), STATES.values(), ids=STATES)
async def test_the_stage_comes_from_the_job(
    conditions: tuple[str, ...], status: dict[str, Any], expected: State, runs: Runs, kubernetes: FakeKubernetes
) -> None:
    run = await runs.create(**ASKED)
    kubernetes.set_status(run.name, *conditions, **status)
    assert (await runs.get(run.name)).state is expected


async def test_a_run_whose_job_is_gone_before_its_end_has_failed(runs: Runs, kubernetes: FakeKubernetes) -> None:
    run = await runs.create(**ASKED)
    kubernetes.jobs.clear()
    assert (await runs.get(run.name)).state is State.FAILED


@pytest.mark.parametrize("name", ["run-0123456789abcdef", "nothing", "../secrets", ""])
async def test_a_run_that_is_not_there_is_not_found(name: str, runs: Runs) -> None:
    for ask in (runs.get, runs.cancel):
        with pytest.raises(NotFoundError, match="run: found none"):
            await ask(name)


async def test_cancelling_suspends_and_removes_the_job_and_keeps_the_records(
    runs: Runs, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    run = await runs.create(**ASKED)
    directories.write(run.name, 0)
    kubernetes.calls.clear()
    stopped = await runs.cancel(run.name)
    assert (stopped.state, stopped.counts.done) == (State.CANCELLED, 1)
    changes = [call.split()[0] for call in kubernetes.calls if not call.startswith("GET")]
    assert changes == ["PATCH", "DELETE"]
    assert not kubernetes.jobs
    assert (await runs.cancel(run.name)).state is State.CANCELLED
    assert (await runs.create(**ASKED)).state is State.CANCELLED, "the id stays with its run"


async def test_cancelling_a_complete_run_changes_nothing(
    runs: Runs, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    run = await runs.create(**ASKED)
    directories.write(run.name, 0, 1, 2, 3)
    directories.finalise(run.name)
    assert (await runs.cancel(run.name)).state is State.COMPLETE
    assert run.name in kubernetes.jobs


async def test_cancelling_works_where_the_job_has_been_removed_by_somebody_else(
    runs: Runs, kubernetes: FakeKubernetes
) -> None:
    run = await runs.create(**ASKED)
    kubernetes.jobs.clear()
    assert (await runs.cancel(run.name)).state is State.CANCELLED


async def test_watching_gives_each_move_and_ends_with_the_run(
    runs: Runs, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    run = await runs.create(**ASKED)
    seen: list[Run] = []
    async for now in runs.watch(run.name):
        seen.append(now)
        if now.state is State.PENDING:
            kubernetes.set_status(run.name, ready=1, active=2)
        elif now.counts.done == 0:
            directories.write(run.name, 0, 1)
        elif now.counts.done == 2:
            directories.write(run.name, 2, 3)
            directories.finalise(run.name)
    assert [(item.state, item.counts.done) for item in seen] == [
        (State.PENDING, 0),
        (State.RUNNING, 0),
        (State.RUNNING, 2),
        (State.COMPLETE, 4),
    ]


async def test_runs_are_listed_newest_first_in_pages(runs: Runs, kubernetes: FakeKubernetes) -> None:
    made = [(await runs.create(**ASKED | {"request_id": str(number)})).name for number in range(5)]
    stranger = template() | {"metadata": {"name": "stranger", "labels": LABELS}, "status": {}}
    kubernetes.jobs["stranger"] = stranger
    del kubernetes.jobs[made[1]]
    pages, token = [], ""
    while True:
        page, token = await runs.page(2, token)
        pages.append([run.name for run in page])
        if not token:
            break
    assert pages == [[made[4], made[3]], [made[2], made[1]], [made[0]]]


@pytest.mark.parametrize(("size", "token"), [(1001, ""), (1, "nowhere")], ids=["too many", "an unknown token"])
async def test_a_page_that_is_none_is_refused(size: int, token: str, runs: Runs) -> None:
    with pytest.raises(InvalidInputError, match=r"page_size|page_token"):
        await runs.page(size, token)


async def test_a_service_that_died_after_making_the_job_knows_the_run_again(
    runs: Runs, kubernetes: FakeKubernetes, directories: Directories
) -> None:
    run = await runs.create(**ASKED)
    (directories.path / run.name / "request.json").unlink()
    other = Runs(
        Jobs.connect(LABELS),
        Records(str(directories.path)),
        JobTemplate(template()),
        policies={"stable": "stable"},
        default_policy="stable",
    )
    assert (await other.get(run.name)).pairs == 4
    assert directories.request(run.name)["request_id"] == "mine"


REFUSALS = {403: ConfigurationError, 422: ConfigurationError, 500: UnavailableError, 503: UnavailableError}


@pytest.mark.parametrize(("status", "kind"), REFUSALS.items())
async def test_what_the_cluster_answers_is_an_error_of_the_domain(
    status: int, kind: type[MammosynthError], runs: Runs, kubernetes: FakeKubernetes
) -> None:
    kubernetes.broken = status
    with pytest.raises(kind, match=f"kubernetes: .*{status}"):
        await runs.create(**ASKED)


async def test_a_cluster_that_is_away_is_unavailable(
    runs: Runs, kubeconfig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig.write_text(kubeconfig.read_text().replace("http://127.0.0.1:", "http://127.0.0.1:1#"))
    away = Jobs.connect(LABELS)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        away.get("run-0123456789abcdef")


BROKEN: dict[str, Any] = {
    "no job": {},
    "no labels": {"metadata": {}, "spec": {}},
    "no container": {"metadata": {"labels": LABELS}, "spec": {"template": {"spec": {"containers": []}}}},
}


@pytest.mark.parametrize("job", BROKEN.values(), ids=BROKEN)
def test_a_template_that_is_none_is_refused(job: Any) -> None:
    with pytest.raises(ConfigurationError, match="--job-template"):
        JobTemplate(job)
