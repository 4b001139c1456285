"""Jobs of a namespace, through the Kubernetes API."""

import datetime
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import urllib3

from services.orchestrator.runs.request import RunRequest
from shared.errors import ConfigurationError, UnavailableError

# Its types say less than its documentation, and parts of it have none.
kubernetes: Any = import_module("kubernetes")
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_TIMEOUT_S = 15.0
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the cluster says of a run's Job."""

    request: RunRequest
    created: datetime.datetime
    started: bool
    """Whether a pod of it has become ready, or ended well."""
    complete: bool
    failed: bool
    deleting: bool


class Jobs:
    """Makes, reads, stops and removes Jobs."""

    def __init__(self, client: Any, namespace: str, labels: dict[str, str]) -> None:
        """Take a client of the `kubernetes` package, and the labels that runs are told by."""
        self._batch: Any = kubernetes.client.BatchV1Api(client)
        self._namespace = namespace
        self._selector = ",".join(f"{key}={value}" for key, value in labels.items())

    @classmethod
    def connect(cls, labels: dict[str, str]) -> "Jobs":
        """Connect as the pod that this is, or, outside a cluster, as the kubeconfig says.

        Raises:
            ConfigurationError: if neither is there.

        """
        client, namespace = connect()
        return cls(client, namespace, labels)

    def create(self, manifest: dict[str, Any]) -> None:
        """Make a Job; one of this name that is there already stays as it is."""
        with suppress(_ConflictError):
            self._ask(lambda: self._batch.create_namespaced_job(self._namespace, manifest, _request_timeout=_TIMEOUT_S))

    def get(self, name: str) -> Job | None:
        """Read a run's Job; None where there is none."""
        try:
            found = self._ask(
                lambda: self._batch.read_namespaced_job(name, self._namespace, _request_timeout=_TIMEOUT_S)
            )
        except _MissingError:
            return None
        return _read(found)

    def list(self) -> "list[Job]":
        """Read the Jobs of all runs."""
        found: list[Job] = []
        page = self._page(None)
        while True:
            found += [job for job in map(_read, page.items) if job is not None]
            if not page.metadata._continue:
                return found
            page = self._page(page.metadata._continue)

    def _page(self, after: str | None) -> Any:
        return self._ask(
            lambda: self._batch.list_namespaced_job(
                self._namespace,
                label_selector=self._selector,
                limit=500,
                _continue=after,
                _request_timeout=_TIMEOUT_S,
            )
        )

    def stop(self, name: str) -> None:
        """Suspend a Job, which ends its pods gently, then remove it; one that is gone is no error."""
        try:
            self._ask(
                lambda: self._batch.patch_namespaced_job(
                    name, self._namespace, {"spec": {"suspend": True}}, _request_timeout=_TIMEOUT_S
                )
            )
            self._ask(
                lambda: self._batch.delete_namespaced_job(
                    name, self._namespace, propagation_policy="Background", _request_timeout=_TIMEOUT_S
                )
            )
        except _MissingError:
            return

    def _ask(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except kubernetes.client.ApiException as error:
            if error.status == 404:
                raise _MissingError from error
            if error.status == 409:
                raise _ConflictError from error
            if error.status in (400, 401, 403, 422):
                raise ConfigurationError(f"kubernetes: refused with {error.status}: {_reason(error)}") from error
            raise UnavailableError(f"kubernetes: answered {error.status}: {_reason(error)}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnavailableError(f"kubernetes: cannot be reached: {error}") from error


def connect() -> tuple[Any, str]:
    """Client of the Kubernetes API, and the namespace: those of the pod that this is, else the kubeconfig's.

    Raises:
        ConfigurationError: if there is neither.

    """
    configuration = kubernetes.client.Configuration()
    # The calls here are short, and asking again is the caller's business.
    configuration.retries = False
    try:
        if _NAMESPACE.is_file():
            kubernetes.config.load_incluster_config(client_configuration=configuration)
            namespace = _NAMESPACE.read_text(encoding="utf-8").strip()
        else:
            kubernetes.config.load_kube_config(client_configuration=configuration)
            _, active = kubernetes.config.list_kube_config_contexts()
            namespace = active["context"].get("namespace") or "default"
    except (kubernetes.config.ConfigException, OSError) as error:
        raise ConfigurationError(f"kubernetes: found neither a pod's account nor a kubeconfig: {error}") from error
    return kubernetes.client.ApiClient(configuration), namespace


class _MissingError(Exception):
    """There is no such object."""


class _ConflictError(Exception):
    """There is such an object already."""


def _reason(error: Any) -> str:
    return str(error.reason or "no reason given")


def _read(found: Any) -> Job | None:
    request = RunRequest.from_annotations(found.metadata.annotations or {})
    if request is None or request.name != found.metadata.name:
        return None
    status = found.status
    conditions = {item.type for item in (status.conditions or ()) if item.status == "True"}
    return Job(
        request=request,
        created=found.metadata.creation_timestamp,
        started=bool(status.ready or status.succeeded),
        complete="Complete" in conditions,
        failed="Failed" in conditions or "FailureTarget" in conditions,
        deleting=found.metadata.deletion_timestamp is not None,
    )
