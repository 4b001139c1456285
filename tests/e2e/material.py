"""What runs are made of: phantoms, gates that see texture, a quick policy; and the digest that all must have."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.tools import ROOT, Kubectl, until
from tests.runs.conftest import POLICY, SIZE
from tests.tiny_models import write_texture_gates

PAIRS = int(os.environ.get("E2E_PAIRS", "24"))
SEED = 3
PLACEBO = 0.25
# Longer trajectories than the tests of runs have: there must be time to disturb them.
SLOW: dict[str, Any] = POLICY | {
    "name": "quick",
    "recipes": [recipe | {"steps": 4 * int(str(recipe["steps"]))} for recipe in POLICY["recipes"]],  # type: ignore[attr-defined]
}


@dataclass(frozen=True)
class Material:
    """Folders of a data set and gates, and the manifest of the undisturbed run."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def digest(self) -> str:
        return str(self.manifest["run_digest"])

    @property
    def policy(self) -> str:
        return (self.folder / "quick.yaml").read_text()

    def stock(self, kubectl: Kubectl, tag: str) -> None:
        """Make a claim in the namespace and copy everything into it."""
        kubectl.apply(SHELF.replace("IMAGE", f"mammosynth-orchestrator:{tag}"))
        kubectl("wait", "--for=condition=Ready", "pod/shelf", "--timeout=120s")
        for name in ("dataset", "models", "quick.yaml"):
            kubectl("cp", self.folder / name, f"shelf:/data/{name}")


SHELF = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: shelf}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: shelf
      image: IMAGE
      command: [python, -c, "import time; time.sleep(86400)"]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      resources: {requests: {cpu: 10m, memory: 64Mi}}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: data}
"""


def made(folder: Path) -> Material:
    """Make everything, and the undisturbed run, with the command line of this checkout, unless it is there already."""
    ended = folder / "run" / "manifest.json"
    if ended.is_file() and json.loads(ended.read_text())["complete"]:
        return Material(folder, json.loads(ended.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quick.yaml").write_text(yaml.safe_dump(SLOW))
    phantoms = folder / "phantoms"
    _mammosynth("dataset", "phantom", "--output", phantoms, "--patients", 40, "--rows", 128, "--columns", 96)
    _mammosynth(
        *("dataset", "prepare", "--images", phantoms, "--table", phantoms / "table.csv"),
        *("--output", folder / "dataset", "--size", SIZE, "--test", "none"),
    )
    write_texture_gates(folder / "models", size=SIZE, midpoint=0.0975, gain=100.0)
    _mammosynth(
        *(
            "generate",
            "--dataset",
            folder / "dataset",
            "--models",
            folder / "models",
            "--policy",
            folder / "quick.yaml",
        ),
        *("--output", folder / "run", "--pairs", PAIRS, "--seed", SEED, "--placebo", PLACEBO, "--keep-rejected", 0),
        *("--threads", 1, "--slots", 2),
    )
    return Material(folder, json.loads(ended.read_text()))


def _mammosynth(*words: object) -> None:
    command = [sys.executable, "-m", "services.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]


def manifest_of(kubectl: Kubectl, run: str) -> dict[str, Any]:
    """What a run on the claim came to."""
    found: dict[str, Any] = json.loads(kubectl("exec", "shelf", "--", "cat", f"/data/runs/{run}/manifest.json"))
    return found


def recorded(kubectl: Kubectl, run: str) -> int:
    """Pairs, and twins, that a run on the claim has records of."""
    listed = kubectl.tried("exec", "shelf", "--", "ls", f"/data/runs/{run}/pairs")
    return sum(name.endswith(".json") for name in listed.stdout.split())


def same_run(kubectl: Kubectl, run: str, material: Material) -> None:
    """The run is complete, and is the undisturbed one, pair by pair: none lost, none twice."""
    found = manifest_of(kubectl, run)
    keys = ("complete", "pairs", "done", "accepted", "rejected", "trials", "run_digest")
    assert {key: found[key] for key in keys} == {key: material.manifest[key] for key in keys}
    films = kubectl("exec", "shelf", "--", "ls", f"/data/runs/{run}/accepted").split()
    assert len(films) == found["accepted"]


def begin(kubectl: Kubectl, tag: str, name: str, task: str = "generate", **values: Any) -> str:
    """Start a Job of the chart mammosynth-batch; gives its name."""
    chosen: dict[str, Any] = {
        "task": task,
        "image.tag": tag,
        **{f"{place}.claim": "data" for place in ("models", "dataset", "output")},
        "models.path": "models",
        "dataset.path": "dataset",
        "output.path": f"runs/{name}",
        **{f"services.{service}": f"dns:///films-{service}:50051" for service in ("stylizer", "anomaly", "classifier")},
        "services.instance": "films",
        "run.pairs": PAIRS,
        "run.seed": SEED,
        "run.policy": "quick",
        "run.placebo": PLACEBO,
        "run.keepRejected": 0,
        "stylizer.slots": 2,
        "resources.requests.cpu": "50m",
        "stylizer.resources.requests.cpu": "150m",
        "job.shards": 1,
        **values,
    }
    words = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    policy = kubectl.kubeconfig.parent / "quick.yaml"
    policy.write_text(kubectl("exec", "shelf", "--", "cat", "/data/quick.yaml"))
    chart = ROOT / "deploy" / "charts" / "mammosynth-batch"
    kubectl.helm("install", name, chart, *words, "--set-file", f"policies.quick={policy}")
    return f"mammosynth-{name}"


def at_work(kubectl: Kubectl, job: str) -> None:
    """Fail where the Job has ended already: what comes next would disturb nothing."""
    ended = kubectl.job_ended(job)
    assert ended is None, f"{job} was {ended} before it could be disturbed; raise E2E_PAIRS"


def under_way(kubectl: Kubectl, run: str, *, at_least: int = 2) -> None:
    """Wait until the run has written some records, so that what follows disturbs it."""
    until(f"{run} has {at_least} records", lambda: recorded(kubectl, run) >= at_least, seconds=300, every=0.5)
