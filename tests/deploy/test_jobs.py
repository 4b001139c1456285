"""Jobs: how they fail, what their containers are told, and the manifests that are made of them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services import cli
from shared.configuration import Configuration
from tests.deploy.charts import (
    BATCH,
    BATCH_VALUES,
    EVERYTHING,
    MAIN,
    ROOT,
    TASKS,
    objects,
    of_kind,
    pods,
    run_job,
    template,
)

RUNS = {
    "generate": (BATCH, {"task": "generate", "job.shards": "4", "job.parallelism": "2"}),
    "generate-standalone": (BATCH, {"task": "generate-standalone", "job.shards": "4", "job.parallelism": "2"}),
}


def job(chart: Path, values: dict[str, Any]) -> dict[str, Any]:
    (found,) = of_kind(objects(chart, values), "Job").values()
    return found


@pytest.mark.parametrize(("chart", "values"), RUNS.values(), ids=RUNS)
def test_a_run_is_an_indexed_job_whose_shards_fail_by_themselves(chart: Path, values: dict[str, Any]) -> None:
    spec = job(chart, values)["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 2)
    assert spec["backoffLimitPerIndex"] == 6
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["podFailurePolicy"]["rules"] == [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [2]}},
    ]
    assert spec["ttlSecondsAfterFinished"] == 86400
    (container,) = spec["template"]["spec"]["containers"]
    assert "--shard=$(JOB_COMPLETION_INDEX)/4" in container["args"]


def test_a_run_that_the_orchestrator_starts_fails_like_one_of_the_batch_chart() -> None:
    started, own = run_job(objects(MAIN, {})), job(BATCH, {"task": "generate"})
    assert started is not None
    for key in ("completionMode", "backoffLimitPerIndex", "podReplacementPolicy", "podFailurePolicy"):
        assert started["spec"][key] == own["spec"][key]


@pytest.mark.parametrize("task", ["demo", "prepare", "train", "finalise", "report", "uplift"])
def test_other_jobs_fail_at_once_at_wrong_input(task: str) -> None:
    spec = job(BATCH, {"task": task})["spec"]
    assert spec["backoffLimit"] == 6
    assert {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2]}} in spec["podFailurePolicy"]["rules"]
    assert spec["podReplacementPolicy"] == "Failed"


@pytest.mark.parametrize("task", ["demo", "generate-standalone"])
def test_the_services_are_native_sidecars_that_are_ready_before_the_run(task: str) -> None:
    (pod,) = pods(objects(BATCH, {"task": task}))
    sidecars = [item for item in pod.spec["initContainers"] if item.get("restartPolicy") == "Always"]
    assert [item["name"] for item in sidecars] == ["stylizer", "anomaly", "classifier"]
    assert pod.spec["initContainers"][-3:] == sidecars, "what they read is made before them"
    variables = {item["name"]: item.get("value") for item in pod.spec["containers"][0]["env"]}
    for item in sidecars:
        own = {variable["name"]: variable["value"] for variable in item["env"]}
        prefix = f"MAMMOSYNTH_{item['name'].upper()}"
        assert str(item["startupProbe"]["grpc"]["port"]) == own[f"{prefix}_HEALTH_PORT"]
        assert variables[f"MAMMOSYNTH_GENERATE_{item['name'].upper()}"] == own[f"{prefix}_LISTEN"]


ONE_CLAIM = {f"{place}.claim": "data" for place in ("dataset", "models")}


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        (MAIN, ONE_CLAIM | {"runs.claim": "data"}),
        *((BATCH, {"task": task, **ONE_CLAIM, "output.claim": "data"}) for task in TASKS if task != "prepare"),
        (BATCH, {"task": "prepare", "films.claim": "data", "dataset.claim": "data"}),
    ],
)
def test_a_claim_is_one_volume_of_a_pod(chart: Path, values: dict[str, Any]) -> None:
    """A pod that has a claim as two volumes waits for ever to be created."""
    for pod in pods(objects(chart, values)):
        volumes = {volume["name"]: volume.get("persistentVolumeClaim") for volume in pod.spec["volumes"]}
        claims = [claim["claimName"] for claim in volumes.values() if claim]
        assert len(claims) == len(set(claims)), (pod.owner, claims)
        for container in pod.containers:
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes), pod.owner
            for mount in container["volumeMounts"]:
                if mount["mountPath"] in ("/dataset", "/models", "/output", "/runs", "/films"):
                    assert volumes[mount["name"]] == {"claimName": "data"}, (pod.owner, mount)


def test_shares_are_taken_as_helm_reads_them_from_the_command_line() -> None:
    """`--set` makes text of 0.25, and a number of 1."""
    for placebo in ("0.25", "1", "0"):
        found = objects(BATCH, {"task": "generate", "run.placebo": placebo, "run.keepRejected": "0.5"})
        (pod,) = pods(found)
        variables = {item["name"]: item.get("value") for item in pod.spec["containers"][0]["env"]}
        assert variables["MAMMOSYNTH_GENERATE_PLACEBO"] == placebo
        assert variables["MAMMOSYNTH_GENERATE_KEEP_REJECTED"] == "0.5"
        assert run_job(objects(MAIN, {"runs.placebo": placebo, "runs.keepRejected": "0.5"})) is not None


@pytest.mark.parametrize("placebo", ["1.5", "-0.25", "half"])
def test_a_share_beyond_all_pairs_is_refused_by_name(placebo: str) -> None:
    done = template(BATCH, {"task": "generate", "run.placebo": placebo})
    assert done.returncode != 0
    assert "/run/placebo" in done.stderr


def test_gates_that_cannot_be_served_end_a_job_before_a_sidecar_would_be_started_for_ever() -> None:
    (pod,) = pods(objects(BATCH, {"task": "generate-standalone", "models.path": "gates"}))
    checks, sidecars = pod.spec["initContainers"][:-3], pod.spec["initContainers"][-3:]
    assert [item["name"] for item in checks] == ["check-anomaly", "check-classifier"]
    assert not any("restartPolicy" in item for item in checks), "its exit code is the pod's"
    for item in checks:
        (sidecar,) = (one for one in sidecars if one["name"] == item["name"].removeprefix("check-"))
        (model,) = (one["value"] for one in sidecar["env"] if one["name"].endswith("_MODEL"))
        assert item["args"][:4] == ["serve", sidecar["name"], f"--model={model}", "--check-only"]
        assert (item["image"], item["resources"]) == (sidecar["image"], sidecar["resources"])


def test_a_job_waits_where_it_is_told_to() -> None:
    found = job(BATCH, BATCH_VALUES["a policy and a queue"])
    assert found["spec"]["suspend"] is True
    assert found["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "films"
    assert "kueue.x-k8s.io/queue-name" not in job(BATCH, {"task": "generate"})["metadata"]["labels"]
    assert job(BATCH, {"task": "generate"})["spec"]["suspend"] is False


def test_the_demo_needs_nothing_else_in_its_namespace() -> None:
    found = objects(BATCH, {"task": "demo"})
    assert {item["kind"] for item in found} == {"Job", "NetworkPolicy", "ServiceAccount"}
    (pod,) = pods(found)
    assert all("emptyDir" in volume for volume in pod.spec["volumes"])


@pytest.mark.parametrize(("chart", "values"), EVERYTHING.values(), ids=EVERYTHING)
def test_each_container_is_told_what_its_command_takes(
    chart: Path, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line itself reads the arguments and the variables; only the work is left out."""
    for pod in pods(objects(chart, values)):
        for container in pod.containers:
            told: list[Configuration] = []

            class Module:
                run = staticmethod(told.append)

            variables = {item["name"]: item.get("value", "secret") for item in container["env"]}
            arguments = [item.replace("$(JOB_COMPLETION_INDEX)", "0") for item in container["args"]]
            with monkeypatch.context() as patched:
                patched.setattr(cli, "import_module", lambda _: Module)
                patched.setattr(sys, "argv", ["mammosynth", *arguments])
                for name, value in variables.items():
                    patched.setenv(name, value)
                with pytest.raises(SystemExit) as ended:
                    cli.main()
            assert ended.value.code == 0, (pod.owner, container["name"])
            (configuration,) = told
            prefix = str(configuration.model_config["env_prefix"])
            for name in variables:
                if name.startswith("MAMMOSYNTH_"):
                    field = name.removeprefix(prefix).lower()
                    assert name.startswith(prefix), (pod.owner, name)
                    assert field in type(configuration).model_fields, (pod.owner, name)
            mounts = tuple(mount["mountPath"] for mount in container["volumeMounts"])
            for name, value in configuration.model_dump().items():
                if isinstance(value, Path) and value.is_absolute():
                    assert str(value).startswith(mounts), (pod.owner, name, value)


def test_the_manifests_are_what_the_chart_gives() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy" / "manifests.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_manifest_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path.name: path.read_text() for path in (ROOT / "deploy" / "jobs").glob("*.yaml")}
    assert set(files) == {
        f"{task}.yaml"
        for task in ("demo", "prepare", "train", "generate", "generate-standalone", "finalise", "report", "uplift")
    }
    copied = tmp_path / "deploy"
    subprocess.run(["cp", "-r", ROOT / "deploy", copied], check=True)
    (copied / "jobs" / "demo.yaml").write_text(files["demo.yaml"].replace("completions: 1", "completions: 2"))
    done = subprocess.run(
        [sys.executable, copied / "manifests.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "demo.yaml" in done.stderr
    assert "prepare.yaml" not in done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "jobs").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_manifest_says_no_namespace_so_that_it_can_be_applied_to_any(path: Path) -> None:
    for item in yaml.safe_load_all(path.read_text()):
        assert "namespace" not in item["metadata"]
