"""What the charts render, as objects, and the pods that are found in them."""

import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "deploy" / "charts"
MAIN = CHARTS / "mammosynth"
BATCH = CHARTS / "mammosynth-batch"
NAMESPACE = "films"

SERVICES = ("stylizer", "anomaly", "classifier")
TASKS = ("demo", "prepare", "train", "generate", "generate-standalone", "finalise", "report", "uplift")

STORED = {
    "dataset.url": "s3://bucket/dataset",
    "models.url": "s3://bucket/models",
    "objectStorage.endpointUrl": "http://store:9000",
    "objectStorage.region": "eu-central-1",
    "objectStorage.secretName": "keys",
}
MAIN_VALUES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "gpu": {"file": MAIN / "values-gpu.yaml"},
    "secured": {"tls.secretName": "certificates", "token.secretName": "token"},
    "object storage": {**STORED, "runs.url": "s3://bucket/runs"},
    "scaled and watched": {
        **{f"{name}.autoscaling.enabled": "true" for name in (*SERVICES, "orchestrator")},
        "serviceMonitor.enabled": "true",
        "grafanaDashboard.enabled": "true",
        "opentelemetry.endpoint": "http://collector:4317",
    },
    "services alone": {"orchestrator.enabled": "false", "networkPolicy.enabled": "false"},
    "a stream alone": {"runs.enabled": "false", "token.secretName": "token"},
    "policies and a queue": {"policies.mine": "name: mine", "orchestrator.policy": "mine", "runs.queueName": "films"},
}
BATCH_VALUES: dict[str, dict[str, Any]] = {
    **{task: {"task": task} for task in TASKS},
    "generate over tls": {"task": "generate", "tls.secretName": "certificates", "job.shards": "4"},
    "generate from object storage": {"task": "generate", **STORED, "output.url": "s3://bucket/run"},
    "standalone from object storage": {"task": "generate-standalone", **STORED, "output.url": "s3://bucket/run"},
    "finalise in object storage": {"task": "finalise", **STORED, "output.url": "s3://bucket/run"},
    "standalone on a gpu": {"task": "generate-standalone", "stylizer.gpu.enabled": "true", "stylizer.slots": "null"},
    "a policy and a queue": {
        "task": "generate",
        "policies.mine": "name: mine",
        "run.policy": "mine",
        "job.queueName": "films",
        "job.suspend": "true",
    },
    "standalone with spans": {"task": "generate-standalone", "opentelemetry.endpoint": "http://collector:4317"},
    "train with options": {"task": "train", "train.anomaly.preset": "laptop", "train.classifier.freeze": "true"},
}


class Pod(NamedTuple):
    """A pod that the chart makes, or lets be made."""

    owner: str
    """Kind and name of what makes it."""
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


def helm(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True, check=False)


def template(chart: Path, values: dict[str, Any], name: str = "films") -> "subprocess.CompletedProcess[str]":
    options: list[object] = []
    for key, value in values.items():
        options += ["--values", value] if key == "file" else ["--set", f"{key}={value}"]
    return helm("template", name, chart, "--namespace", NAMESPACE, *options)


@functools.cache
def _rendered(chart: Path, values: tuple[tuple[str, Any], ...]) -> str:
    done = template(chart, dict(values))
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(chart: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(_rendered(chart, tuple(values.items()))) if item]


def of_kind(found: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in found if item["kind"] == kind}


def run_job(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The Job that the orchestrator fills in."""
    for item in found:
        if "job.yaml" in item.get("data", {}):
            job: dict[str, Any] = yaml.safe_load(item["data"]["job.yaml"])
            return job
    return None


def pods(found: list[dict[str, Any]]) -> Iterator[Pod]:
    template = run_job(found)
    for item in [*found, *([template] if template else [])]:
        owner = f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] == "Pod":
            yield Pod(owner, item["metadata"]["labels"], item["spec"])
        elif item["kind"] in ("Deployment", "Job"):
            made = item["spec"]["template"]
            yield Pod(owner, made["metadata"]["labels"], made["spec"])


EVERYTHING = {
    **{f"mammosynth, {name}": (MAIN, values) for name, values in MAIN_VALUES.items()},
    **{f"mammosynth-batch, {name}": (BATCH, values) for name, values in BATCH_VALUES.items()},
}
