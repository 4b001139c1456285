"""Every step of the way by Jobs alone: films are prepared, gates trained, pairs generated, reported and measured."""

import hashlib
from typing import Any

import pytest

from tests.e2e.material import PAIRS, Material, begin, same_run
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


def test_a_run_is_packed_and_reported(stocked: Kubectl, tag: str, material: Material) -> None:
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


def test_what_a_run_is_worth_is_asked_by_a_job(stocked: Kubectl, tag: str, material: Material) -> None:
    stocked("cp", material.folder / "phantoms", "shelf:/data/films")
    films = {"films.claim": "data", "films.path": "films", "films.table": "films/table.csv", "dataset.path": "split"}
    done(stocked, tag, "prepare", **films, **{"prepare.size": SIZE})
    run = {"dataset.path": "split", "output.path": "runs/small"}
    done(stocked, tag, "generate-standalone", **run, **{"run.pairs": 8})
    options = {"gate": "/models/models/classifier.onnx", "network": "squeezenet1_1", "weights": "random"}
    sizes = {"amounts": 100, "ratios": 1, "seeds": 3, "updates": 20}
    log = done(stocked, tag, "uplift", **run, **{f"uplift.{name}": value for name, value in (options | sizes).items()})
    # Five patients are too few, and it says so.
    assert "Not enough data to say" in log, log[-2000:]
    assert "uplift.json" in stocked("exec", "shelf", "--", "ls", "/data/runs/small").split()
