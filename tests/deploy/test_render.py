"""What the charts render is what Kubernetes takes, and wrong values are refused by name."""

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.charts import BATCH, EVERYTHING, MAIN, MAIN_VALUES, helm, objects, of_kind, run_job, template

KUBERNETES = "1.34"
NOT_OF_KUBERNETES = {"ServiceMonitor"}


@pytest.mark.parametrize("chart", [MAIN, BATCH], ids=lambda chart: chart.name)
def test_a_chart_passes_lint(chart: Path) -> None:
    done = helm("lint", "--strict", chart)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("chart", "values"), EVERYTHING.values(), ids=EVERYTHING)
def test_every_object_is_one_that_kubernetes_knows(chart: Path, values: dict[str, Any]) -> None:
    found = objects(chart, values)
    filled_in = run_job(found)
    for item in [*found, *([filled_in] if filled_in else [])]:
        if item["kind"] not in NOT_OF_KUBERNETES:
            kubernetes_validate.validate(item, KUBERNETES, strict=True)
    names = [(item["kind"], item["metadata"]["name"]) for item in found]
    assert len(names) == len(set(names))


def test_the_check_of_objects_finds_a_misspelt_field() -> None:
    (item,) = (item for item in objects(MAIN, {}) if item["metadata"]["name"] == "films-names")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(item | {"spec": item["spec"] | {"podSelektor": {}}}, KUBERNETES, strict=True)


WRONG: dict[str, tuple[Path, dict[str, str], str]] = {
    "a name that is not there": (MAIN, {"stylizer.replicaz": "3"}, "'replicaz' not allowed"),
    "a name that is not there, at the top": (MAIN, {"stylizr.replicas": "3"}, "'stylizr' not allowed"),
    "a number that is none": (MAIN, {"classifier.replicas": "many"}, "/classifier/replicas"),
    "a floating tag": (MAIN, {"image.tag": "latest"}, "/image/tag"),
    "half a hash": (MAIN, {"anomaly.sha256": "abc123"}, "/anomaly/sha256"),
    "a path that leads out of the claim": (MAIN, {"models.path": "a/../../b"}, "/models/path"),
    "an address that is no url": (MAIN, {"dataset.url": "bucket"}, "/dataset/url"),
    "a share above one": (MAIN, {"runs.placebo": "1.5"}, "/runs/placebo"),
    "a device that is none": (MAIN, {"stylizer.device": "tpu"}, "/stylizer/device"),
    "a task that is none": (BATCH, {"task": "dream"}, "/task"),
    "no shard": (BATCH, {"job.shards": "0"}, "/job/shards"),
    "a service without its port": (BATCH, {"services.anomaly": "anomaly"}, "/services/anomaly"),
    "an unknown setting of a job": (BATCH, {"job.paralellism": "2"}, "'paralellism' not allowed"),
}


@pytest.mark.parametrize(("chart", "values", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_refused_by_name(chart: Path, values: dict[str, str], named: str) -> None:
    done = template(chart, values)
    assert done.returncode != 0
    assert named in done.stderr


def _open_objects(schema: Any, where: str = "") -> list[str]:
    if not isinstance(schema, dict):
        return []
    found = [where] if "properties" in schema and schema.get("additionalProperties") is not False else []
    for key, value in schema.items():
        found += _open_objects(value, f"{where}/{key}")
    return found


@pytest.mark.parametrize("chart", [MAIN, BATCH], ids=lambda chart: chart.name)
def test_the_schema_is_closed_and_knows_the_values(chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    assert _open_objects(schema) == []
    values = yaml.safe_load((chart / "values.yaml").read_text())
    assert set(values) == set(schema["properties"]) - {"global", "mammosynth-library"}


@pytest.mark.parametrize("chart", [MAIN, BATCH], ids=lambda chart: chart.name)
def test_every_value_at_the_top_says_what_it_is(chart: Path) -> None:
    lines = (chart / "values.yaml").read_text().splitlines()
    bare = []
    block_has_comment = False
    for line in lines:
        if not line.strip():
            block_has_comment = False
        elif line.startswith("#"):
            block_has_comment = True
        elif re.match(r"[a-z]", line) and not block_has_comment:
            following = lines[lines.index(line) + 1] if line != lines[-1] else ""
            if not following.strip().startswith("#"):
                bare.append(line)
    assert bare == []


def test_objects_are_named_after_the_release_so_that_two_can_live_in_a_namespace() -> None:
    first = yaml.safe_load_all(template(MAIN, {}, "first").stdout)
    second = yaml.safe_load_all(template(MAIN, {}, "second").stdout)
    names = [{(item["kind"], item["metadata"]["name"]) for item in items if item} for items in (first, second)]
    assert not names[0] & names[1]


def test_an_autoscaled_deployment_leaves_its_number_of_pods_to_the_autoscaler() -> None:
    found = objects(MAIN, MAIN_VALUES["scaled and watched"])
    scalers = of_kind(found, "HorizontalPodAutoscaler")
    deployments = of_kind(found, "Deployment")
    assert set(scalers) == set(deployments)
    for name, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert "replicas" not in deployments[name]["spec"]
    assert of_kind(objects(MAIN, {}), "HorizontalPodAutoscaler") == {}


def test_services_are_headless_and_select_their_pods() -> None:
    found = objects(MAIN, {})
    deployments = of_kind(found, "Deployment")
    services = of_kind(found, "Service")
    assert (
        set(services)
        == set(deployments)
        == {f"films-{name}" for name in ("stylizer", "anomaly", "classifier", "orchestrator")}
    )
    for name, service in services.items():
        labels = deployments[name]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["selector"].items() <= labels.items()
        others = [
            item["spec"]["template"]["metadata"]["labels"] for other, item in deployments.items() if other != name
        ]
        assert not any(service["spec"]["selector"].items() <= other.items() for other in others)


def test_a_pod_gets_the_time_that_its_drain_takes() -> None:
    for name, deployment in of_kind(objects(MAIN, {}), "Deployment").items():
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        (drain,) = (item["value"] for item in container["env"] if item["name"].endswith("_DRAIN_S"))
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > int(drain) + pause, name


def test_a_disruption_takes_one_pod_of_each_component() -> None:
    found = objects(MAIN, {})
    budgets = of_kind(found, "PodDisruptionBudget")
    for name, deployment in of_kind(found, "Deployment").items():
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        assert budgets[name]["spec"]["selector"] == deployment["spec"]["selector"]


def test_gpus_are_asked_for_where_the_values_say_so() -> None:
    for name, deployment in of_kind(objects(MAIN, MAIN_VALUES["gpu"]), "Deployment").items():
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        on_gpu = "orchestrator" not in name
        assert (container["resources"]["limits"].get("nvidia.com/gpu") == 1) is on_gpu
        assert ("nodeSelector" in spec) is on_gpu
        assert container["image"].startswith("mammosynth-gpu-")
        names = {item["name"] for item in container["env"]}
        assert "MAMMOSYNTH_STYLIZER_SLOTS" not in names, "slots follow from the GPU's memory"


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    text = (MAIN / "dashboards" / "mammosynth.json").read_text()
    dashboard = json.loads(text)
    asked = set(re.findall(r"mammosynth_[a-z_]+", text))
    sources = "\n".join(path.read_text() for path in (MAIN.parents[2] / "shared").rglob("*.py"))
    told = set(re.findall(r'"(mammosynth_[a-z_]+)"', sources))
    assert dashboard["panels"]
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in asked} <= told
    (held,) = (
        item for item in objects(MAIN, MAIN_VALUES["scaled and watched"]) if "mammosynth.json" in item.get("data", {})
    )
    assert json.loads(held["data"]["mammosynth.json"]) == dashboard
    assert held["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_metrics_are_scraped_where_they_are_told() -> None:
    found = objects(MAIN, MAIN_VALUES["scaled and watched"])
    (monitor,) = of_kind(found, "ServiceMonitor").values()
    for service in of_kind(found, "Service").values():
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert monitor["spec"]["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]
