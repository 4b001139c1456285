"""What each pod may do: one test a setting, for everything that the charts render."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.charts import BATCH, EVERYTHING, MAIN, MAIN_VALUES, Pod, objects, of_kind, pods

everything = pytest.mark.parametrize(("chart", "values"), EVERYTHING.values(), ids=EVERYTHING)
VOLUMES = {"emptyDir", "persistentVolumeClaim", "configMap", "secret", "name"}


def containers(chart: Path, values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for pod in pods(objects(chart, values)):
        for container in pod.containers:
            yield f"{pod.owner}, {container['name']}", container


@everything
def test_nobody_is_root(chart: Path, values: dict[str, Any]) -> None:
    for pod in pods(objects(chart, values)):
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True, pod.owner
        assert context["runAsUser"] > 0, pod.owner
        assert context["runAsGroup"] > 0, pod.owner
    for name, container in containers(chart, values):
        assert not {"runAsUser", "runAsNonRoot", "privileged"} & set(container["securityContext"]), name


@everything
def test_system_calls_are_those_of_the_runtime(chart: Path, values: dict[str, Any]) -> None:
    for pod in pods(objects(chart, values)):
        assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, pod.owner


@everything
def test_no_container_gains_privileges_or_keeps_capabilities(chart: Path, values: dict[str, Any]) -> None:
    for name, container in containers(chart, values):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name


@everything
def test_roots_are_read_only_and_there_is_a_place_for_temporary_files(chart: Path, values: dict[str, Any]) -> None:
    for name, container in containers(chart, values):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"], name
        assert {"name": "HOME", "value": "/tmp"} in container["env"], name


@everything
def test_nothing_of_the_node_is_shared(chart: Path, values: dict[str, Any]) -> None:
    for pod in pods(objects(chart, values)):
        assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & set(pod.spec), pod.owner
        for volume in pod.spec["volumes"]:
            assert set(volume) <= VOLUMES, pod.owner
        for container in pod.containers:
            assert not any("hostPort" in port for port in container.get("ports", ())), pod.owner


@everything
def test_a_token_of_kubernetes_is_for_the_orchestrator_that_starts_runs_alone(
    chart: Path, values: dict[str, Any]
) -> None:
    accounts = of_kind(objects(chart, values), "ServiceAccount")
    for pod in pods(objects(chart, values)):
        starts_runs = pod.owner == "Deployment films-orchestrator" and values.get("runs.enabled") != "false"
        assert pod.spec["automountServiceAccountToken"] is starts_runs, pod.owner
        assert pod.spec["serviceAccountName"] in accounts, pod.owner
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())


@everything
def test_memory_is_bounded_and_images_are_pinned(chart: Path, values: dict[str, Any]) -> None:
    for name, container in containers(chart, values):
        assert "memory" in container["resources"]["limits"], name
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
        assert container["image"].rpartition(":")[2] not in ("", "latest"), name
        assert container["imagePullPolicy"] == "IfNotPresent", name


@everything
def test_what_is_only_read_is_mounted_so(chart: Path, values: dict[str, Any]) -> None:
    for pod in pods(objects(chart, values)):
        names = {volume["name"]: set(volume) - {"name"} for volume in pod.spec["volumes"]}
        for container in pod.containers:
            for mount in container["volumeMounts"]:
                if names[mount["name"]] & {"secret", "configMap"}:
                    assert mount["readOnly"] is True, (pod.owner, mount)
                if mount["name"] in ("dataset", "models", "films") and container["args"][0] in ("serve", "generate"):
                    assert mount["readOnly"] is True, (pod.owner, mount)


@everything
def test_secrets_are_named_never_written(chart: Path, values: dict[str, Any]) -> None:
    found = objects(chart, values)
    assert of_kind(found, "Secret") == {}
    for name, container in containers(chart, values):
        for variable in container["env"]:
            if "SECRET" in variable["name"] or "ACCESS_KEY" in variable["name"]:
                assert set(variable["valueFrom"]) == {"secretKeyRef"}, name
    for pod in pods(found):
        for volume in pod.spec["volumes"]:
            assert volume.get("secret", {}).get("defaultMode", 0o440) == 0o440, pod.owner


def test_the_orchestrator_may_start_watch_and_stop_jobs_of_its_namespace_and_nothing_else() -> None:
    found = objects(MAIN, {})
    (role,) = of_kind(found, "Role").values()
    assert role["rules"] == [
        {
            "apiGroups": ["batch"],
            "resources": ["jobs"],
            "verbs": ["create", "get", "list", "watch", "patch", "delete"],
        }
    ]
    (binding,) = of_kind(found, "RoleBinding").values()
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "films-orchestrator", "namespace": "films"}]
    assert not of_kind(found, "ClusterRole")
    assert not of_kind(found, "ClusterRoleBinding")


@pytest.mark.parametrize("name", ["services alone", "a stream alone"])
def test_without_runs_nobody_may_do_anything_in_the_cluster(name: str) -> None:
    found = objects(MAIN, MAIN_VALUES[name])
    assert not of_kind(found, "Role")
    assert not of_kind(found, "RoleBinding")


def _environment(pod: Pod, container: str) -> dict[str, Any]:
    (found,) = (item for item in pod.containers if item["name"] == container)
    return {item["name"]: item.get("value") for item in found["env"]}


def test_with_certificates_every_server_asks_for_one_and_every_caller_shows_one() -> None:
    found = {pod.owner: pod for pod in pods(objects(MAIN, MAIN_VALUES["secured"]))}
    for name in ("stylizer", "anomaly", "classifier", "orchestrator"):
        variables = _environment(found[f"Deployment films-{name}"], name)
        prefix = f"MAMMOSYNTH_{name.upper()}_TLS"
        assert variables[f"{prefix}_CERTIFICATE"] == "/tls/tls.crt"
        assert variables[f"{prefix}_KEY"] == "/tls/tls.key"
        assert variables[f"{prefix}_CLIENT_CA"] == "/tls/ca.crt"
    for owner, container, prefix in (
        ("Deployment films-orchestrator", "orchestrator", "MAMMOSYNTH_ORCHESTRATOR"),
        ("Job run", "generate", "MAMMOSYNTH_GENERATE"),
        ("Pod films-test", "test", "MAMMOSYNTH_PING"),
    ):
        variables = _environment(found[owner], container)
        assert variables[f"{prefix}_TLS_CA"] == "/tls/ca.crt"
        assert variables[f"{prefix}_TLS_CERTIFICATE"] == "/tls/tls.crt"


def test_callers_need_no_certificate_where_tls_is_not_mutual() -> None:
    for pod in pods(objects(MAIN, MAIN_VALUES["secured"] | {"tls.mutual": "false"})):
        assert not any("CLIENT_CA" in item["name"] for container in pod.containers for item in container["env"])


def test_the_token_reaches_the_orchestrator_and_the_test_as_a_file() -> None:
    found = {pod.owner: pod for pod in pods(objects(MAIN, MAIN_VALUES["secured"]))}
    own = _environment(found["Deployment films-orchestrator"], "orchestrator")
    assert own["MAMMOSYNTH_ORCHESTRATOR_TOKEN_FILE"] == "/token/token"
    assert _environment(found["Pod films-test"], "test")["MAMMOSYNTH_PING_TOKEN_FILE"] == "/token/token"
    assert "MAMMOSYNTH_STYLIZER_TOKEN_FILE" not in _environment(found["Deployment films-stylizer"], "stylizer")


def test_sidecars_of_a_job_listen_to_their_own_pod_alone() -> None:
    for task in ("demo", "generate-standalone"):
        (pod,) = pods(objects(BATCH, {"task": task}))
        for container in pod.containers:
            if container["args"][0] == "serve" and "--check-only" not in container["args"]:  # which listens to nothing
                variables = {item["name"]: item["value"] for item in container["env"]}
                assert variables[f"MAMMOSYNTH_{container['name'].upper()}_LISTEN"].startswith("127.0.0.1:")
