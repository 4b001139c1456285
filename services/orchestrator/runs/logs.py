"""`mammosynth logs`: what the pods of a run say."""

import threading
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.text import Text

from services.orchestrator.configuration import LogsConfiguration
from services.orchestrator.runs.jobs import connect
from shared.errors import ConfigurationError, NotFoundError, UnavailableError

kubernetes: Any = import_module("kubernetes")
_TIMEOUT_S = 15.0


def run(configuration: LogsConfiguration) -> int:
    """Print the logs of all pods of a run, each line with its pod; returns the exit code.

    Raises:
        ConfigurationError: if there is no kubeconfig, or it may not read pods.
        NotFoundError: if the run has no pods.
        UnavailableError: if the cluster cannot be reached.

    """
    client, namespace = connect()
    core = kubernetes.client.CoreV1Api(client)
    where = configuration.namespace or namespace
    pods = _asked(
        core.list_namespaced_pod,
        where,
        label_selector=f"batch.kubernetes.io/job-name={configuration.run}",
        _request_timeout=_TIMEOUT_S,
    ).items
    if not pods:
        raise NotFoundError(f"run: found no pods of {configuration.run!r} in the namespace {where}")
    names = sorted(pod.metadata.name for pod in pods)
    if not configuration.follow:
        for name in names:
            _tell(core, where, name, configuration)
        return 0
    # One thread a pod: each waits for lines of its own.
    threads = [
        threading.Thread(target=_tell, args=(core, where, name, configuration), daemon=True, name=name)
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def _tell(core: Any, namespace: str, pod: str, configuration: LogsConfiguration) -> None:
    console = Console()
    options = {"tail_lines": configuration.tail} if configuration.tail else {}
    try:
        answer = _asked(
            core.read_namespaced_pod_log,
            pod,
            namespace,
            container="generate",
            follow=configuration.follow,
            _preload_content=False,
            **options,
        )
    except UnavailableError as error:  # a pod whose container has not begun has no log yet
        console.print(Text.assemble((f"{pod} ", "cyan"), error.message), soft_wrap=True)
        return
    for line in answer:
        console.print(Text.assemble((f"{pod} ", "cyan"), line.decode(errors="replace").rstrip()), soft_wrap=True)


def _asked(call: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return call(*arguments, **options)
    except kubernetes.client.ApiException as error:
        if error.status in (401, 403):
            raise ConfigurationError(f"kubernetes: refused with {error.status}: {error.reason}") from error
        raise UnavailableError(f"kubernetes: answered {error.status}: {error.reason}") from error
    except OSError as error:
        raise UnavailableError(f"kubernetes: cannot be reached: {error}") from error
    except Exception as error:  # the classes of its HTTP client have no base that its documentation names
        raise UnavailableError(f"kubernetes: cannot be reached: {error}") from error
