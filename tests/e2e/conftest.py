"""End-to-end tests on a real cluster: `make e2e`. Each has a namespace of its own, which enforces "restricted"."""

import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e import cluster
from tests.e2e.material import Material, made
from tests.e2e.tools import ROOT, Kubectl, missing_tools, run

DIAGNOSTICS = ROOT / "build" / "e2e"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Any:
    report = yield
    if report.failed and "kubectl" in getattr(item, "funcargs", {}):
        name = re.sub(r"\W+", "-", item.nodeid.rsplit("::", 1)[-1]).strip("-")
        item.funcargs["kubectl"].save_diagnostics(DIAGNOSTICS / name)
        report.sections.append(("diagnostics", f"saved in {DIAGNOSTICS / name}"))
    return report


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    if missing := missing_tools():
        pytest.exit("; ".join(missing), returncode=2)
    path = tmp_path_factory.mktemp("kube") / "config"
    with cluster.made(path) as name:
        cluster.swept(path)
        yield path, name
        cluster.swept(path)


@pytest.fixture(scope="session")
def tag(kubeconfig: tuple[Path, str]) -> Iterator[str]:
    with cluster.images(kubeconfig[1]) as chosen:
        yield chosen


@pytest.fixture(scope="session")
def store(kubeconfig: tuple[Path, str], tag: str) -> Iterator[str]:
    """Tag of an image that serves S3 from memory, for tests alone."""
    image = f"mammosynth-e2e-store:{tag}"
    run("docker", "build", "--tag", image, "--file", "-", ROOT, input=STORE, timeout=1200)
    if kubeconfig[1]:
        run("kind", "load", "docker-image", "--name", kubeconfig[1], image, timeout=600)
    yield tag
    if not cluster.kept():
        run("docker", "rmi", "--force", image, check=False)


STORE = """
FROM python:3.11-slim-bookworm
COPY constraints.txt /
RUN pip install --no-cache-dir --constraint /constraints.txt 'moto[s3,server]'
USER 65532
ENTRYPOINT ["moto_server", "--host", "0.0.0.0", "--port", "5000"]
"""


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Data set, gates and policy, and what a run of them comes to outside any cluster."""
    kept = os.environ.get("E2E_MATERIAL")
    return made(Path(kept) if kept else tmp_path_factory.mktemp("material"))


@pytest.fixture
def kubectl(kubeconfig: tuple[Path, str]) -> Iterator[Kubectl]:
    """A namespace of its own."""
    namespace = f"mammosynth-{uuid.uuid4().hex[:8]}"
    found = Kubectl(kubeconfig[0], namespace)
    labels = {"mammosynth-e2e": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    found.apply(
        yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    )
    yield found
    if os.environ.get("KEEP_NAMESPACES") != "1":
        cluster.end_jobs(kubeconfig[0], namespace)
        # Kubernetes takes up to a minute to empty it; the next test does not wait for it.
        found("delete", "namespace", namespace, "--wait=false", check=False)


@pytest.fixture
def stocked(kubectl: Kubectl, tag: str, material: Material) -> Kubectl:
    """A namespace with a claim that holds the data set and the gates."""
    material.stock(kubectl, tag)
    return kubectl


@pytest.fixture
def install(stocked: Kubectl, tag: str) -> Callable[..., Kubectl]:
    """Installs the chart for a small node; values may be changed."""

    def installed(*options: str, **values: Any) -> Kubectl:
        chosen = {"image.tag": tag, **SMALL, **values}
        words = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
        stocked.helm(
            "upgrade",
            "--install",
            "films",
            ROOT / "deploy" / "charts" / "mammosynth",
            *words,
            *options,
            "--wait",
            "--timeout=8m",
        )
        return stocked

    return installed


# 1.1 cores are left to request on a node of two.
SMALL: dict[str, Any] = {
    **{f"{place}.claim": "data" for place in ("models", "dataset", "runs")},
    **{f"{place}.path": place for place in ("models", "dataset", "runs")},
    "stylizer.slots": 2,
    "stylizer.resources.requests.cpu": "150m",
    "stylizer.resources.requests.memory": "512Mi",
    "anomaly.resources.requests.cpu": "50m",
    "anomaly.resources.requests.memory": "128Mi",
    "classifier.resources.requests.cpu": "50m",
    "classifier.resources.requests.memory": "128Mi",
    "orchestrator.resources.requests.cpu": "50m",
    "runs.resources.requests.cpu": "50m",
    "runs.keepRejected": 0,
    "runs.placebo": 0.25,
}
