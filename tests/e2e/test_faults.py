"""Faults while a batch runs: each ends in the very same digest, no pair twice, none lost."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.material import Material, at_work, begin, recorded, same_run, under_way
from tests.e2e.tools import Kubectl, run, until

pytestmark = pytest.mark.timeout(1500)


def test_a_run_in_one_job_is_the_run_outside_the_cluster(stocked: Kubectl, tag: str, material: Material) -> None:
    job = begin(stocked, tag, "standalone", task="generate-standalone")
    stocked.await_job(job, seconds=900)
    same_run(stocked, "standalone", material)


def test_deleting_the_orchestrators_pod_three_times(
    install: Callable[..., Kubectl], tag: str, material: Material
) -> None:
    kubectl = install()
    job = begin(kubectl, tag, "deleted")
    before = 0
    for _ in range(3):
        under_way(kubectl, "deleted", at_least=before + 1)
        before = recorded(kubectl, "deleted")
        (pod,) = kubectl.pod_names("generate")
        at_work(kubectl, job)
        kubectl("delete", "pod", pod, "--wait=true", "--timeout=120s")
        until(
            "another pod has come",
            lambda gone=pod: [name for name in kubectl.pod_names("generate") if name != gone],
            seconds=120,
        )
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "deleted", material)


def test_deleting_one_of_two_scorers(install: Callable[..., Kubectl], tag: str, material: Material) -> None:
    kubectl = install(**{"classifier.replicas": 2, "anomaly.replicas": 2})
    job = begin(kubectl, tag, "scorers")
    under_way(kubectl, "scorers")
    at_work(kubectl, job)
    for component in ("classifier", "anomaly"):
        names = kubectl.pod_names(component)
        assert len(names) == 2, names
        kubectl("delete", "pod", names[0], "--wait=false")
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "scorers", material)


def test_a_rollout_of_each_service(install: Callable[..., Kubectl], tag: str, material: Material) -> None:
    kubectl = install()
    job = begin(kubectl, tag, "rollout", **{"job.shards": 2})
    under_way(kubectl, "rollout")
    for component in ("classifier", "anomaly", "stylizer"):
        at_work(kubectl, job)
        kubectl("rollout", "restart", f"deployment/films-{component}")
        kubectl("rollout", "status", f"deployment/films-{component}", "--timeout=300s")
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "rollout", material)


def test_a_rollout_to_another_model_is_refused_by_name_until_the_old_one_is_back(
    install: Callable[..., Kubectl], tag: str, material: Material
) -> None:
    kubectl = install()
    program = (
        "import onnx\n"
        "model = onnx.load('/models/models/classifier.onnx')\n"
        "model.producer_name = 'another'\n"
        "onnx.save(model, '/tmp/other.onnx')\n"
    )
    (classifier,) = kubectl.pod_names("classifier")
    kubectl("exec", classifier, "--", "python", "-c", program)
    local = kubectl.kubeconfig.parent / "other.onnx"
    kubectl("cp", f"{classifier}:/tmp/other.onnx", local)
    kubectl("cp", local, "shelf:/data/models/other.onnx")
    job = begin(kubectl, tag, "mismatched")
    under_way(kubectl, "mismatched")
    at_work(kubectl, job)
    install(**{"classifier.model": "other.onnx"})
    (pod,) = kubectl.pod_names("generate")
    served = hashlib.sha256(local.read_bytes()).hexdigest()

    def refused() -> bool:
        log = kubectl("logs", pod, "--container=generate", check=False)
        return any("classifier" in line and served[:12] in line for line in log.splitlines())

    until("the run names the model that it refuses", refused, seconds=120)
    before = recorded(kubectl, "mismatched")
    # A pod that finds the other model when it starts waits for the old one.
    kubectl("delete", "pod", pod, "--wait=true", "--timeout=120s")

    def waits() -> bool:
        log = kubectl("logs", f"job/{job}", "--container=generate", check=False)
        return "waiting for the models that the run was begun with" in log

    until("the next pod waits for the run's own models", waits, seconds=180)
    assert recorded(kubectl, "mismatched") <= before + 2, "pairs in progress may end, no other is scored"
    install()
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "mismatched", material)


def test_an_eviction(install: Callable[..., Kubectl], tag: str, material: Material) -> None:
    kubectl = install(**{"stylizer.podDisruptionBudget.maxUnavailable": 1})
    job = begin(kubectl, tag, "evicted")
    under_way(kubectl, "evicted")
    for component in ("stylizer", "generate"):
        at_work(kubectl, job)
        (pod,) = kubectl.pod_names(component)
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": kubectl.namespace},
        }
        path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction"
        kubectl("create", "--raw", path, "--filename", "-", input=json.dumps(eviction))
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "evicted", material)


# Many small processes in the container: where the kernel kills not all of a container but its largest process, that is
# the service.
CROWD = """
import os, time
for _ in range(60):
    if os.fork() == 0:
        held = bytearray(12 << 20)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(20)
        os._exit(0)
    time.sleep(0.05)
time.sleep(20)
"""


def test_a_container_that_is_killed_for_memory(install: Callable[..., Kubectl], tag: str, material: Material) -> None:
    kubectl = install(**{"anomaly.resources.limits.memory": "400Mi"})
    job = begin(kubectl, tag, "killed")
    under_way(kubectl, "killed")
    at_work(kubectl, job)
    (pod,) = kubectl.pod_names("anomaly")
    kubectl.tried("exec", pod, "--", "python", "-c", CROWD, timeout=120)

    def state() -> dict[str, Any]:
        (container,) = kubectl.get("pod", pod)["status"]["containerStatuses"]
        return dict(container)

    killed = until("its container is started again", lambda: state()["restartCount"] and state(), seconds=120)
    # A container that dies in its first second, and on cgroup v1 others too, may show Error with the same code.
    assert killed["lastState"]["terminated"]["exitCode"] == 137, killed
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "killed", material)


SMALL_VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAME, labels: {mammosynth-e2e: "true"}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /mnt/NAME}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: small}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeName: NAME
  resources: {requests: {storage: 1Gi}}
"""


@pytest.fixture
def small_volume(stocked: Kubectl, kubeconfig: tuple[Path, str]) -> Iterator[Callable[[str], None]]:
    """A claim of 64 KiB of the node's memory; what it gives sets another size."""
    if not kubeconfig[1]:
        pytest.skip("a small volume is made on the node of a kind cluster")
    (node,) = run("kind", "get", "nodes", "--name", kubeconfig[1]).stdout.split()
    name = f"small-{stocked.namespace}"
    run("docker", "exec", node, "mkdir", "-p", f"/mnt/{name}")
    run("docker", "exec", node, "mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs", f"/mnt/{name}")
    stocked.apply(SMALL_VOLUME.replace("NAME", name))
    yield lambda size: (run("docker", "exec", node, "mount", "-o", f"remount,size={size}", f"/mnt/{name}"), None)[1]
    stocked("delete", "job", "--all", "--wait=true", "--timeout=120s", check=False)
    stocked("delete", "pvc", "small", "--wait=false", check=False)
    stocked("delete", "pv", name, "--wait=false", check=False)
    run("docker", "exec", node, "umount", "--lazy", f"/mnt/{name}", check=False)


def test_a_full_volume_is_told_and_the_run_goes_on_when_there_is_room(
    stocked: Kubectl, tag: str, material: Material, small_volume: Callable[[str], None]
) -> None:
    values = {"output.claim": "small", "output.path": "full"}
    job = begin(stocked, tag, "full", task="generate-standalone", **values)

    def told() -> bool:
        return "No space left on device" in stocked("logs", f"job/{job}", "--container=generate", check=False)

    until("the run says that there is no room", told, seconds=300)
    small_volume("64m")
    stocked.await_job(job, seconds=900)
    # The pod that found no room ended with an error; another one went on.
    log = stocked("logs", f"--selector=job-name={job}", "--container=generate", "--tail=-1")
    assert f"run digest {material.digest}" in log
