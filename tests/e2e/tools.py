"""The programs that an end-to-end run needs, and how they are called: never with the user's kubeconfig."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
_T = TypeVar("_T")

_NEEDED = {
    "docker": "to build images",
    "kubectl": "to talk to the cluster",
    "helm": "to install the charts",
    "kind": "to make a cluster and to load images into it",
}


def missing_tools() -> list[str]:
    """What is not there, each with what it is for."""
    return [f"{name} is not on PATH; it is needed {why}" for name, why in _NEEDED.items() if not shutil.which(name)]


def run(
    *command: object, timeout: float = 600, check: bool = True, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end; what it said is in the failure."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, **options)
    if check and done.returncode:
        pytest.fail(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


def until(what: str, look: Callable[[], _T | None], *, seconds: float, every: float = 1.0) -> _T:
    """Look until there is something; fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(every)


class Kubectl:
    """kubectl and helm, for one namespace of the cluster that a private kubeconfig names."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self._environment = os.environ | {"KUBECONFIG": str(kubeconfig)}

    def __call__(self, *words: object, check: bool = True, timeout: float = 600, **options: Any) -> str:
        command = ("kubectl", "--namespace", self.namespace, *words)
        return run(*command, check=check, timeout=timeout, env=self._environment, **options).stdout

    def tried(self, *words: object, **options: Any) -> "subprocess.CompletedProcess[str]":
        return run("kubectl", "--namespace", self.namespace, *words, check=False, env=self._environment, **options)

    def helm(self, *words: object, check: bool = True, timeout: float = 900) -> "subprocess.CompletedProcess[str]":
        return run("helm", "--namespace", self.namespace, *words, check=check, timeout=timeout, env=self._environment)

    def apply(self, manifest: str) -> None:
        self("apply", "--filename", "-", input=manifest)

    def get(self, kind: str, name: str = "", **labels: str) -> Any:
        selector = [f"--selector={','.join(f'{key}={value}' for key, value in labels.items())}"] if labels else []
        return json.loads(self("get", kind, *([name] if name else []), *selector, "--output=json"))

    def pods(self, component: str) -> list[dict[str, Any]]:
        """Pods of a component that are not on their way out."""
        found = self.get("pods", **{"app.kubernetes.io/component": component})["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod_names(self, component: str) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.pods(component)]

    def job_ended(self, name: str) -> str | None:
        """Complete or Failed; None while it works."""
        conditions = self.get("job", name)["status"].get("conditions", [])
        return next(
            (
                item["type"]
                for item in conditions
                if item["type"] in ("Complete", "Failed") and item["status"] == "True"
            ),
            None,
        )

    def await_job(self, name: str, *, seconds: float) -> None:
        ended = until(f"job {name} has ended", lambda: self.job_ended(name), seconds=seconds, every=2)
        assert ended == "Complete", f"job {name}: {ended}\n{self('logs', f'job/{name}', '--tail=30', check=False)}"

    def forwarded(self, target: str, port: int) -> "Forward":
        return Forward(self, target, port)

    def save_diagnostics(self, folder: Path) -> None:
        """Logs, events and descriptions of everything in the namespace."""
        folder.mkdir(parents=True, exist_ok=True)
        asked = {
            "all.txt": ("get", "all,pvc,configmap,networkpolicy", "--output=wide"),
            "events.txt": ("get", "events", "--sort-by=.lastTimestamp"),
            "describe.txt": ("describe", "pods,jobs,deployments,pvc"),
        }
        for name, words in asked.items():
            (folder / name).write_text(self.tried(*words).stdout)
        for pod in json.loads(self.tried("get", "pods", "--output=json").stdout or '{"items": []}')["items"]:
            name = pod["metadata"]["name"]
            log = self.tried("logs", name, "--all-containers", "--prefix", "--tail=2000")
            (folder / f"{name}.log").write_text(log.stdout + log.stderr)
            before = self.tried("logs", name, "--all-containers", "--prefix", "--previous", "--tail=500")
            if before.returncode == 0:
                (folder / f"{name}-previous.log").write_text(before.stdout)


class Forward:
    """A port of a pod on loopback, while the context lasts."""

    def __init__(self, kubectl: Kubectl, target: str, port: int) -> None:
        self._command = [
            *("kubectl", "--namespace", kubectl.namespace, "port-forward", "--address=127.0.0.1"),
            *(target, f":{port}"),
        ]
        self._environment = os.environ | {"KUBECONFIG": str(kubectl.kubeconfig)}

    def __enter__(self) -> str:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=self._environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if "Forwarding from" not in line:
            self._process.kill()
            pytest.fail(f"no port was forwarded: {line}")
        return line.split()[2]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
