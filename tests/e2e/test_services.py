"""The services in the cluster: scaling, wrong values and models, secrets, upgrades, what is left behind."""

import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mammosynth.client import Generator, Security, ServiceError

from tests.authority import Authority
from tests.e2e.material import PAIRS, Material, at_work, begin, recorded, same_run, under_way
from tests.e2e.tools import ROOT, Kubectl, run, until

pytestmark = pytest.mark.timeout(1500)
# Pairs of runs that are not awaited: they only have to last.
LONG = 95


def calls(kubectl: Kubectl, pod: str) -> float:
    """Calls that a classifier pod has answered, by its own metrics."""
    program = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/metrics').read().decode())"
    text = kubectl("exec", pod, "--", "python", "-c", program)
    found = re.findall(r'mammosynth_rpc_total\{method="[^"]*Classify",status="OK"\} ([0-9.e+]+)', text)
    return sum(map(float, found))


def test_new_pods_take_their_share_within_a_minute_and_leave_without_a_failed_pair(
    install: Callable[..., Kubectl], tag: str
) -> None:
    kubectl = install()
    job = begin(kubectl, tag, "scaled", **{"run.pairs": LONG})
    under_way(kubectl, "scaled")
    kubectl("scale", "deployment/films-classifier", "--replicas=3")
    kubectl("rollout", "status", "deployment/films-classifier", "--timeout=120s")
    time.sleep(60)  # what is promised: within a minute, without a caller being started again
    names = kubectl.pod_names("classifier")
    before = {name: calls(kubectl, name) for name in names}
    time.sleep(20)  # a share is one of calls over some time
    shares = {name: calls(kubectl, name) - before[name] for name in names}
    sys.stdout.write(f"calls of each pod within 20 s: {shares}\n")
    assert len(shares) == 3
    assert sum(shares.values()) > 0, "the batch was over before shares could be counted"
    assert min(shares.values()) >= sum(shares.values()) / 6, shares
    at_work(kubectl, job)
    kubectl("scale", "deployment/films-classifier", "--replicas=1")
    until("one pod is left", lambda: len(kubectl.pod_names("classifier")) == 1, seconds=120)
    at_work(kubectl, job)
    end = recorded(kubectl, "scaled") + 10
    until("ten more pairs have ended", lambda: recorded(kubectl, "scaled") >= end, seconds=300)
    (pod,) = kubectl.get("pods", **{"app.kubernetes.io/component": "generate"})["items"]
    (container,) = pod["status"]["containerStatuses"]
    assert container["restartCount"] == 0
    log = kubectl("logs", pod["metadata"]["name"], "--container=generate")
    assert "unfinished" not in log, log[-2000:]


def test_the_autoscaler_reacts_to_load(install: Callable[..., Kubectl], tag: str) -> None:
    kubectl = install(
        **{
            "stylizer.autoscaling.enabled": "true",
            "stylizer.autoscaling.maxReplicas": 2,
            "stylizer.autoscaling.targetCPUUtilizationPercentage": 50,
        }
    )
    begin(kubectl, tag, "loaded", **{"run.pairs": LONG})

    def scaled() -> bool:
        return bool(kubectl.get("hpa", "films-stylizer")["status"].get("desiredReplicas", 0) == 2)

    until("the autoscaler asks for a second pod", scaled, seconds=300, every=5)

    def ready() -> bool:
        states = [pod["status"].get("containerStatuses", []) for pod in kubectl.pods("stylizer")]
        return len(states) == 2 and all(state and state[0]["ready"] for state in states)

    until("the second pod is ready", ready, seconds=180, every=2)


def test_a_wrong_value_is_refused_by_name(kubectl: Kubectl) -> None:
    done = kubectl.helm(
        "install", "films", ROOT / "deploy" / "charts" / "mammosynth", "--set", "stylizer.slotz=3", check=False
    )
    assert done.returncode != 0
    assert "'slotz' not allowed" in done.stderr


MODELS = {
    "missing": ({"classifier.model": "none.onnx"}, "none.onnx"),
    "with another hash": ({"classifier.sha256": "0" * 64}, "sha256"),
}


@pytest.mark.parametrize(("values", "said"), MODELS.values(), ids=MODELS)
def test_a_model_that_cannot_be_served_is_told_in_one_line(
    values: dict[str, str], said: str, stocked: Kubectl, tag: str, install: Callable[..., Kubectl]
) -> None:
    install()
    words = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    chart = ROOT / "deploy" / "charts" / "mammosynth"
    stocked.helm("upgrade", "films", chart, "--reuse-values", *words)

    def told() -> bool:
        for name in stocked.pod_names("classifier"):
            lines = stocked("logs", name, "--tail=1", check=False).strip().splitlines()
            if lines and lines[-1].startswith("model_invalid") and said in lines[-1]:
                return True
        return False

    until("the pod says what is wrong", told, seconds=120)
    ready = [
        pod["metadata"]["name"]
        for pod in stocked.pods("classifier")
        if all(item["ready"] for item in pod["status"].get("containerStatuses", [{"ready": False}]))
    ]
    assert len(ready) == 1, "the old pod serves on"


def test_a_pipeline_outside_the_cluster_streams_samples_and_frees_the_slots_when_it_leaves(
    install: Callable[..., Kubectl], material: Material
) -> None:
    kubectl = install(
        "--set-file", f"policies.quick={material.folder / 'quick.yaml'}", **{"orchestrator.policy": "quick"}
    )
    with kubectl.forwarded("deployment/films-orchestrator", 50051) as address, Generator(address) as generator:
        pairs = []
        with generator.generate(seed=0, timeout=600) as stream:
            for sample in stream:
                pairs.append(sample.pair)
                if len(pairs) == 10:
                    break
    assert pairs == sorted(set(pairs))
    (stylizer,) = kubectl.pod_names("stylizer")
    program = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/metrics').read().decode())"

    def free() -> bool:
        text = kubectl("exec", stylizer, "--", "python", "-c", program)
        running = re.findall(r'mammosynth_rpc_running\{method="[^"]*Stylize"\} ([0-9.]+)', text)
        return bool(running) and not any(map(float, running))

    until("the slots are free", free, seconds=30)


def secret(kubectl: Kubectl, authority: Authority, folder: Path) -> None:
    names = [f"films-{name}" for name in ("stylizer", "anomaly", "classifier", "orchestrator")]
    certificate, key = authority.signed("films", names=names)
    for name, data in {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.pem}.items():
        (folder / name).write_bytes(data)
    files = [f"--from-file={folder / name}" for name in ("tls.crt", "tls.key", "ca.crt")]
    made = kubectl("create", "secret", "generic", "certificates", *files, "--dry-run=client", "--output=yaml")
    kubectl.apply(made)


def test_mutual_tls_and_a_token_keep_strangers_out_and_new_certificates_are_taken_up_without_losing_a_pair(
    stocked: Kubectl, install: Callable[..., Kubectl], tag: str, material: Material, tmp_path: Path
) -> None:
    authority = Authority()
    secret(stocked, authority, tmp_path)
    stocked("create", "secret", "generic", "token", "--from-literal=token=swordfish")
    kubectl = install(**{"tls.secretName": "certificates", "token.secretName": "token"})
    assert "Succeeded" in kubectl.helm("test", "films", "--timeout=3m").stdout
    files = {"ca": tmp_path / "ca.crt", "certificate": tmp_path / "tls.crt", "key": tmp_path / "tls.key"}
    with kubectl.forwarded("deployment/films-orchestrator", 50051) as address:
        with Generator(address, Security(**files, server_name="films-orchestrator", token="swordfish")) as generator:
            assert generator.info().size > 0
        with Generator(address, Security(**files, server_name="films-orchestrator")) as generator:
            with pytest.raises(ServiceError) as caught:
                generator.info()
            assert caught.value.status == "UNAUTHENTICATED"
        for stranger in (None, Security(ca=files["ca"], server_name="films-orchestrator", token="swordfish")):
            with Generator(address, stranger) as generator, pytest.raises(ServiceError):
                generator.info(timeout=5)
    job = begin(kubectl, tag, "encrypted", **{"tls.secretName": "certificates", "run.pairs": PAIRS})
    under_way(kubectl, "encrypted")
    at_work(kubectl, job)
    secret(kubectl, authority, tmp_path)
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "encrypted", material)


def test_an_upgrade_with_changed_values_keeps_a_batch_alive_and_uninstalling_leaves_nothing_but_claims(
    install: Callable[..., Kubectl], tag: str, material: Material
) -> None:
    kubectl = install()
    job = begin(kubectl, tag, "upgraded")
    under_way(kubectl, "upgraded")
    at_work(kubectl, job)
    install(**{"classifier.replicas": 2, "stylizer.queueLimit": 8, "preStopSeconds": 3})
    kubectl.await_job(job, seconds=900)
    same_run(kubectl, "upgraded", material)
    kubectl.helm("uninstall", "upgraded", "--wait")
    kubectl.helm("uninstall", "films", "--wait")
    kubectl("delete", "pod", "shelf", "--wait=true")

    def left() -> set[str]:
        kinds = "all,configmap,secret,serviceaccount,role,rolebinding,networkpolicy,pdb,hpa,job"
        found = set(kubectl("get", kinds, "--output=name").split())
        return found - {"configmap/kube-root-ca.crt", "serviceaccount/default"}

    until("nothing is left", lambda: not left(), seconds=180)
    assert kubectl("get", "pvc", "--output=name").split() == ["persistentvolumeclaim/data"]


def test_an_upgrade_from_the_chart_of_an_earlier_commit_keeps_a_batch_alive(
    stocked: Kubectl, install: Callable[..., Kubectl], tag: str, material: Material, tmp_path: Path
) -> None:
    earlier = run("git", "log", "--format=%H", "-2", "--", "deploy/charts", cwd=ROOT).stdout.split()[-1]
    packed = tmp_path / "charts.tar"
    run("git", "archive", "--output", packed, earlier, "deploy/charts", cwd=ROOT)
    shutil.unpack_archive(packed, tmp_path, filter="tar")
    from tests.e2e.conftest import SMALL  # noqa: PLC0415

    words = [word for key, value in {"image.tag": tag, **SMALL}.items() for word in ("--set", f"{key}={value}")]
    stocked.helm("install", "films", tmp_path / "deploy" / "charts" / "mammosynth", *words, "--wait", "--timeout=8m")
    job = begin(stocked, tag, "earlier")
    under_way(stocked, "earlier")
    at_work(stocked, job)
    install()
    stocked.await_job(job, seconds=900)
    same_run(stocked, "earlier", material)
    assert recorded(stocked, "earlier") > 0
