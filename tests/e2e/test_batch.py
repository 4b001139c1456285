"""Every step of the way by Jobs alone: films are prepared, gates trained, pairs generated, reported and measured."""

import hashlib
from typing import Any

import pytest

from tests.e2e.material import PAIRS, Material, begin, manifest_of, same_run
from tests.e2e.tools import Kubectl
from tests.runs.conftest import SIZE

pytestmark = pytest.mark.timeout(3000)


def done(kubectl: Kubectl, tag: str, task: str, **values: Any) -> str:
    """Run a Job of the chart to its end; gives what its main container logged."""
    job = begin(kubectl, tag, task, task=task, **values)
    kubectl.await_job(job, seconds=900)
    return kubectl("logs", f"job/{job}", check=False)


def sha256(kubectl: Kubectl, path: str) -> str:
    return kubectl("exec", "shelf", "--", "sha256sum", path).split()[0]


def test_films_are_prepared_and_gates_trained_from_them(stocked: Kubectl, tag: str, material: Material) -> None:
    stocked("cp", material.folder / "phantoms", "shelf:/data/films")
    films = {"films.claim": "data", "films.path": "films", "films.table": "films/table.csv", "dataset.path": "prepared"}
    done(stocked, tag, "prepare", **films, **{"prepare.size": SIZE, "prepare.test": "none"})
    outside = hashlib.sha256((material.folder / "dataset" / "dataset.parquet").read_bytes()).hexdigest()
    assert sha256(stocked, "/data/prepared/dataset.parquet") == outside

    gates = {"train.anomaly.preset": "laptop", "train.anomaly.epochs": 1, "train.classifier.start": "random"}
    trained = {"dataset.path": "prepared", "models.path": "trained", "train.classifier.freeze": "true"}
    done(stocked, tag, "train", **gates, **trained)
    listed = stocked("exec", "shelf", "--", "ls", "/data/trained").split()
    assert {"anomaly.onnx", "classifier.onnx"} <= set(listed)


def test_a_run_is_packed_reported_and_measured(stocked: Kubectl, tag: str, material: Material) -> None:
    begun = begin(stocked, tag, "whole", task="generate-standalone", **{"job.shards": 2, "job.parallelism": 1})
    stocked.await_job(begun, seconds=900)
    stocked("exec", "shelf", "--", "rm", "/data/runs/whole/manifest.json")
    whole = {"output.path": "runs/whole"}
    done(stocked, tag, "finalise", **whole)
    same_run(stocked, "whole", material)

    done(stocked, tag, "report", **whole)
    page = stocked("exec", "shelf", "--", "cat", "/data/runs/whole/report.html")
    assert page.lower().startswith("<!doctype html>")
    assert f"{PAIRS} pairs" in page

    measured = {
        "uplift.gate": "/models/models/classifier.onnx",
        "uplift.network": "squeezenet1_1",
        "uplift.weights": "random",
        "uplift.amounts": "100",
        "uplift.ratios": "1",
        "uplift.seeds": 2,
        "uplift.updates": 20,
    }
    log = done(stocked, tag, "uplift", **whole, **measured)
    assert "not enough data" in log or "help" in log, log[-2000:]
    assert "uplift.json" in stocked("exec", "shelf", "--", "ls", "-R", "/data/runs/whole").split()
    assert manifest_of(stocked, "whole")["run_digest"] == material.digest
