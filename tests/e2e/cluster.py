"""The cluster that an end-to-end run uses, and the images in it.

E2E_USE_EXISTING=1   the cluster that KUBECONFIG names; else one is made with kind
E2E_CLUSTER_UP       a command that is run before, where kind needs preparation
E2E_IMAGE_TAG        images that the cluster has already; nothing is built or loaded
E2E_EXTRA_INDEX_URL  another package index for the images, such as PyTorch's for its CPU build
E2E_PAIRS            pairs of the undisturbed run and of those that are compared with it, 24; fewer on a slow machine
E2E_MATERIAL         a folder for the data set, the gates and the undisturbed run, made once; remove it after a change
KEEP=1               the cluster and the images stay, for the next run
"""

import hashlib
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from tests.e2e.tools import ROOT, run

NAME = "mammosynth-e2e"
SERVICES = ("curator", "trainer", "stylizer", "anomaly", "classifier", "orchestrator", "evaluator")
# What deploy/Dockerfile reads, as prefixes.
COPIED = (
    *("deploy/Dockerfile", "deploy/requirements.py", "pyproject.toml", "constraints.txt", ".dockerignore"),
    *("LICENSE", "NOTICE", "README.md", "protos/", "shared/", "services/"),
)


def existing() -> bool:
    return os.environ.get("E2E_USE_EXISTING") == "1"


def kept() -> bool:
    return os.environ.get("KEEP") == "1"


@contextmanager
def made(kubeconfig: Path) -> Iterator[str]:
    """Write a private kubeconfig for the cluster; gives the cluster's name as kind knows it, or nothing."""
    if existing():
        kubeconfig.write_text(run("kubectl", "config", "view", "--raw", "--flatten", "--minify").stdout)
        kubeconfig.chmod(0o600)
        context = yaml.safe_load(kubeconfig.read_text())["current-context"]
        yield context.removeprefix("kind-") if context.startswith("kind-") else ""
        return
    private = os.environ | {"KUBECONFIG": str(kubeconfig)}
    if command := os.environ.get("E2E_CLUSTER_UP"):
        run(*shlex.split(command), timeout=1200, cwd=ROOT, env=private)
    # One that a killed run left behind is used again where it answers.
    if NAME in run("kind", "get", "clusters", env=private).stdout.split():
        run("kind", "export", "kubeconfig", "--name", NAME, env=private)
        if run("kubectl", "get", "nodes", env=private, check=False, timeout=60).returncode:
            run("kind", "delete", "cluster", "--name", NAME, env=private)
    if NAME not in run("kind", "get", "clusters", env=private).stdout.split():
        run("kind", "create", "cluster", "--name", NAME, "--wait", "180s", timeout=900, env=private)
    try:
        yield NAME
    finally:
        if not kept():
            run("kind", "delete", "cluster", "--name", NAME, env=private, check=False)


def tag() -> str:
    """The chart's version and what the images are made from: equal sources need no second build."""
    version = yaml.safe_load((ROOT / "deploy" / "charts" / "mammosynth" / "Chart.yaml").read_text())["appVersion"]
    digest = hashlib.sha256(os.environ.get("E2E_EXTRA_INDEX_URL", "").encode())
    for name in run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout.splitlines():
        path = ROOT / name
        if path.is_file() and name.startswith(COPIED):
            digest.update(name.encode() + b"\0" + path.read_bytes())
    return f"{version}-e2e-{digest.hexdigest()[:12]}"


@contextmanager
def images(cluster: str) -> Iterator[str]:
    """Build what is missing and load it into the cluster; gives the images' tag, and removes what it built."""
    if given := os.environ.get("E2E_IMAGE_TAG"):
        yield given
        return
    chosen = tag()
    revision = run("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip()
    built = []
    try:
        needed = {service: f"mammosynth-{service}:{chosen}" for service in SERVICES}
        for service, image in needed.items():
            if run("docker", "image", "inspect", image, check=False).returncode:
                built.append(image)
                build(service, image, chosen, revision)
        if cluster:
            # In one archive: PyTorch's layer, most of three images, is copied once.
            run("kind", "load", "docker-image", "--name", cluster, *needed.values(), timeout=3000)
        yield chosen
    finally:
        if not kept():
            for image in built:
                run("docker", "rmi", "--force", image, check=False)


def build(service: str, image: str, version: str, revision: str) -> None:
    arguments = {"SERVICE": service, "VERSION": version, "REVISION": revision}
    if index := os.environ.get("E2E_EXTRA_INDEX_URL"):
        arguments["EXTRA_INDEX_URL"] = index
    options = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    run("docker", "build", "--file", "deploy/Dockerfile", "--tag", image, *options, ".", timeout=3000, cwd=ROOT)


def end_jobs(kubeconfig: Path, namespace: str) -> None:
    """Delete the Jobs of a namespace that is about to go.

    A namespace deletes its pods first. That of an Indexed Job with a limit per index keeps its finalizer until another
    pod takes its place, which none can any more: pod, Job and namespace would wait for each other for ever.
    """
    private = os.environ | {"KUBECONFIG": str(kubeconfig)}
    words = ("kubectl", "--namespace", namespace, "delete", "job", "--all", "--wait=true", "--timeout=120s")
    run(*words, env=private, check=False)


def swept(kubeconfig: Path) -> None:
    """Remove namespaces that a killed run left."""
    private = os.environ | {"KUBECONFIG": str(kubeconfig)}
    with suppress(FileNotFoundError):
        listed = run("kubectl", "get", "namespace", "--selector=mammosynth-e2e=true", "--output=name", env=private)
        for name in listed.stdout.split():
            end_jobs(kubeconfig, name.removeprefix("namespace/"))
        run(
            *("kubectl", "delete", "namespace", "--selector=mammosynth-e2e=true", "--wait=true", "--timeout=180s"),
            env=private,
            check=False,
        )
