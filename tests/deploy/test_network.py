"""NetworkPolicies, judged as Kubernetes does: who may call whom."""

from typing import Any

import pytest

from tests.deploy.charts import BATCH, MAIN, MAIN_VALUES, NAMESPACE, objects, of_kind, pods

OUTSIDE = "203.0.113.7"
STRANGER = {"app": "stranger"}
CLIENT = {"mammosynth-client": "true"}


def _selects(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    return selector is not None and selector.get("matchLabels", {}).items() <= labels.items()


def _peer_matches(peer: dict[str, Any], other: dict[str, str] | str, namespace: str) -> bool:
    if isinstance(other, str):
        return "ipBlock" in peer and peer["ipBlock"]["cidr"] == "0.0.0.0/0"
    if "namespaceSelector" in peer and not _selects(
        peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace}
    ):
        return False
    if "namespaceSelector" not in peer and namespace != NAMESPACE:
        return False
    return "ipBlock" not in peer and ("podSelector" not in peer or _selects(peer["podSelector"], other))


def _allowed(
    policies: list[dict[str, Any]],
    direction: str,
    subject: dict[str, str],
    other: dict[str, str] | str,
    port: int,
    namespace: str = NAMESPACE,
) -> bool:
    chosen = [
        policy["spec"]
        for policy in policies
        if _selects(policy["spec"]["podSelector"], subject) and direction in policy["spec"]["policyTypes"]
    ]
    if not chosen:
        return True
    side = {"Ingress": "from", "Egress": "to"}[direction]
    return any(
        any(_peer_matches(peer, other, namespace) for peer in rule[side])
        and any(item["port"] == port for item in rule["ports"])
        for spec in chosen
        for rule in spec.get(direction.lower(), ())
    )


def connects(values: dict[str, Any], source: dict[str, str], target: dict[str, str], port: int) -> bool:
    policies = list(of_kind(objects(MAIN, values), "NetworkPolicy").values())
    return _allowed(policies, "Egress", source, target, port) and _allowed(policies, "Ingress", target, source, port)


def labels(values: dict[str, Any], owner: str) -> dict[str, str]:
    (found,) = (pod.labels for pod in pods(objects(MAIN, values)) if pod.owner == owner)
    return found


CALLS: dict[str, tuple[str, str, int, bool]] = {
    "the orchestrator calls the stylizer": ("Deployment films-orchestrator", "Deployment films-stylizer", 50051, True),
    "a run calls the anomaly service": ("Job run", "Deployment films-anomaly", 50051, True),
    "a run calls the classifier": ("Job run", "Deployment films-classifier", 50051, True),
    "the test calls the orchestrator": ("Pod films-test", "Deployment films-orchestrator", 50051, True),
    "the stylizer calls nobody": ("Deployment films-stylizer", "Deployment films-anomaly", 50051, False),
    "a scorer calls nobody": ("Deployment films-classifier", "Deployment films-orchestrator", 50051, False),
    "a run does not call the orchestrator": ("Job run", "Deployment films-orchestrator", 50051, False),
    "nobody calls a run": ("Deployment films-orchestrator", "Job run", 50051, False),
    "health is for probes alone": ("Deployment films-orchestrator", "Deployment films-stylizer", 50052, False),
}


@pytest.mark.parametrize(("source", "target", "port", "expected"), CALLS.values(), ids=CALLS)
def test_who_may_call_whom(source: str, target: str, port: int, expected: bool) -> None:
    assert connects({}, labels({}, source), labels({}, target), port) is expected


@pytest.mark.parametrize("target", ["stylizer", "anomaly", "classifier", "orchestrator"])
def test_a_stranger_of_the_namespace_reaches_nothing(target: str) -> None:
    for port in (50051, 50052, 9090):
        assert not connects({}, STRANGER, labels({}, f"Deployment films-{target}"), port)


def test_a_client_reaches_the_orchestrator_and_no_model() -> None:
    assert connects({}, CLIENT, labels({}, "Deployment films-orchestrator"), 50051)
    assert not connects({}, CLIENT, labels({}, "Deployment films-stylizer"), 50051)


def test_metrics_are_read_from_the_namespace_of_monitoring() -> None:
    policies = list(of_kind(objects(MAIN, {}), "NetworkPolicy").values())
    target = labels({}, "Deployment films-stylizer")
    assert _allowed(policies, "Ingress", target, STRANGER, 9090, "monitoring")
    assert not _allowed(policies, "Ingress", target, STRANGER, 50051, "monitoring")


REACHES: dict[str, tuple[str, str, int, bool]] = {
    "the orchestrator asks for jobs": ("defaults", "Deployment films-orchestrator", 6443, True),
    "the stylizer asks for nothing": ("defaults", "Deployment films-stylizer", 443, False),
    "a run asks for nothing": ("defaults", "Job run", 443, False),
    "without runs the orchestrator does not ask": ("a stream alone", "Deployment films-orchestrator", 6443, False),
    "a run writes to object storage": ("object storage", "Job run", 443, True),
    "spans go to the collector": ("scaled and watched", "Deployment films-stylizer", 4317, True),
}


@pytest.mark.parametrize(("name", "owner", "port", "expected"), REACHES.values(), ids=REACHES)
def test_what_is_reached_outside_the_namespace(name: str, owner: str, port: int, expected: bool) -> None:
    values = MAIN_VALUES[name]
    policies = list(of_kind(objects(MAIN, values), "NetworkPolicy").values())
    assert _allowed(policies, "Egress", labels(values, owner), OUTSIDE, port) is expected


def test_every_pod_is_denied_first_and_may_look_names_up() -> None:
    policies = list(of_kind(objects(MAIN, {}), "NetworkPolicy").values())
    for pod in pods(objects(MAIN, {})):
        assert not _allowed(policies, "Egress", pod.labels, STRANGER, 80), pod.owner
        assert not _allowed(policies, "Ingress", pod.labels, STRANGER, 80), pod.owner
        assert _allowed(policies, "Egress", pod.labels, {"k8s-app": "kube-dns"}, 53, "kube-system"), pod.owner


def test_a_job_that_calls_running_services_is_let_in_by_their_policies() -> None:
    (pod,) = pods(objects(BATCH, {"task": "generate", "services.instance": "films"}))
    own = list(of_kind(objects(BATCH, {"task": "generate", "services.instance": "films"}), "NetworkPolicy").values())
    theirs = list(of_kind(objects(MAIN, {}), "NetworkPolicy").values())
    for name in ("stylizer", "anomaly", "classifier"):
        target = labels({}, f"Deployment films-{name}")
        assert _allowed([*own, *theirs], "Egress", pod.labels, target, 50051)
        assert _allowed(theirs, "Ingress", target, pod.labels, 50051)
    assert not _allowed([*own, *theirs], "Egress", pod.labels, OUTSIDE, 443)


@pytest.mark.parametrize("task", ["demo", "prepare", "train", "generate-standalone", "finalise", "report", "uplift"])
def test_a_job_that_needs_nobody_reaches_nobody(task: str) -> None:
    found = objects(BATCH, {"task": task})
    policies = list(of_kind(found, "NetworkPolicy").values())
    (pod,) = pods(found)
    for other, port in ((STRANGER, 50051), (OUTSIDE, 443)):
        assert not _allowed(policies, "Egress", pod.labels, other, port)
    assert not _allowed(policies, "Ingress", pod.labels, STRANGER, 50051)
