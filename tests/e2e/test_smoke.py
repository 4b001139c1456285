"""The short form: install, helm test, the demo Job, a run against the services while a stylizer pod is killed."""

from collections.abc import Callable

import pytest
from mammosynth.client import Generator

from tests.e2e.material import PAIRS, PLACEBO, SEED, Material, begin, same_run, under_way
from tests.e2e.tools import ROOT, Kubectl, until

pytestmark = [pytest.mark.smoke, pytest.mark.timeout(1500)]


def test_the_demo_job_completes_in_an_empty_namespace(kubectl: Kubectl, tag: str) -> None:
    manifest = (ROOT / "deploy" / "jobs" / "demo.yaml").read_text()
    kubectl.apply(manifest.replace(":0.1.0", f":{tag}"))
    kubectl.await_job("mammosynth-demo", seconds=1200)
    log = kubectl("logs", "job/mammosynth-demo", "--container=generate")
    assert "12 pairs, policy stable, seed 0" in " ".join(log.split()), log[-2000:]
    assert "run digest " in log


def test_a_run_against_the_services_survives_the_loss_of_its_only_stylizer_and_is_the_run_outside_the_cluster(
    install: Callable[..., Kubectl], tag: str, material: Material
) -> None:
    kubectl = install()
    tested = kubectl.helm("test", "films", "--timeout=3m")
    assert "Succeeded" in tested.stdout
    job = begin(kubectl, tag, "sharded", **{"job.shards": 4, "job.parallelism": 2})
    under_way(kubectl, "sharded")
    (stylizer,) = kubectl.pod_names("stylizer")
    kubectl("delete", "pod", stylizer, "--wait=false")
    kubectl.await_job(job, seconds=600)
    assert kubectl.pod_names("stylizer") != [stylizer]
    same_run(kubectl, "sharded", material)


def test_a_run_that_is_submitted_to_the_orchestrator_is_watched_to_the_same_digest(
    install: Callable[..., Kubectl], material: Material
) -> None:
    kubectl = install(
        "--set-file", f"policies.quick={material.folder / 'quick.yaml'}", **{"orchestrator.policy": "quick"}
    )
    with kubectl.forwarded("deployment/films-orchestrator", 50051) as address, Generator(address) as generator:
        run = generator.create_run(request_id="once", pairs=PAIRS, seed=SEED, shards=2)
        again = generator.create_run(request_id="once", pairs=PAIRS, seed=SEED, shards=2)
        assert again.name == run.name
        seen = list(generator.watch_run(run.name, timeout=600))
        assert seen[-1].state == "complete"
        assert seen[-1].run_digest == material.digest
        assert [item.done for item in seen] == sorted(item.done for item in seen)
        stopped = generator.create_run(request_id="stopped", pairs=PAIRS, seed=9, shards=2)
        until("the second run has begun", lambda: generator.get_run(stopped.name).done, seconds=300)
        assert generator.cancel_run(stopped.name).state == "cancelled"
    until("its Job is gone", lambda: stopped.name not in kubectl("get", "jobs", "--output=name"), seconds=60)
    assert PLACEBO == 0.25, "the chart is told the same share"
