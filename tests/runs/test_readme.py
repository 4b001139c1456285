"""The programs in README run as printed, against real services."""

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from shared.dataset import Dataset, Label
from tests.runs.conftest import Workshop, service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

README = Path(__file__).resolve().parents[2] / "README.md"
PORTS = {"stylizer": "50051", "anomaly": "50052", "classifier": "50053", "orchestrator": "50050"}


def program(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found, name
    return found.group(1)


def run_program(source: str, addresses: dict[str, str], folder: Path) -> str:
    for name, address in addresses.items():
        source = source.replace(f"127.0.0.1:{PORTS[name]}", address)
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, cwd=folder, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_one_film_is_stylized_scored_and_classified(workshop: Workshop, tmp_path: Path) -> None:
    dataset = Dataset.open(workshop.dataset)
    np.save(tmp_path / "content.npy", dataset.pixels(dataset.select(label=Label.BENIGN)[0].image_id))
    np.save(tmp_path / "style.npy", dataset.pixels(dataset.select(label=Label.MALIGNANT)[0].image_id))
    with ExitStack() as stack:
        addresses = {
            "stylizer": stack.enter_context(service(workshop, "stylizer", "--threads", 1)),
            "anomaly": stack.enter_context(service(workshop, "anomaly", "--model", workshop.models / "anomaly.onnx")),
            "classifier": stack.enter_context(
                service(workshop, "classifier", "--model", workshop.models / "classifier.onnx")
            ),
        }
        said = run_program(program("one film"), addresses, tmp_path).split("\n")
    assert [line.split()[0] for line in said[:2]] == ["20", "60"]
    assert float(said[0].split()[1]) > float(said[1].split()[1])
    assert 0.0 < float(said[2]) < 1.0


def test_samples_are_streamed_left_and_resumed(workshop: Workshop, undisturbed: Path, tmp_path: Path) -> None:
    options = ("--dataset", workshop.dataset, "--models", workshop.models, "--policy", workshop.policy, "--threads", 1)
    with service(workshop, "orchestrator", *options) as address:
        said = run_program(program("a stream"), {"orchestrator": address}, tmp_path).split("\n")
    pairs = [int(line.split()[0]) for line in said if line]
    assert len(pairs) == 3
    assert len(set(pairs)) == 3
    assert pairs == sorted(pairs)


def test_an_export_is_read_by_pytorch(workshop: Workshop, undisturbed: Path, tmp_path: Path) -> None:
    done = workshop.run("export", "folder", undisturbed, tmp_path / "films", "--real")
    assert done.returncode == 0, done.stderr[-3000:]
    films = list((tmp_path / "films").glob("*/*.png"))
    said = run_program(program("an export for PyTorch"), {}, tmp_path)
    assert said.count("torch.Size") == -(-len(films) // 4)
    assert sum(said.count(f"torch.Size([{size}, 1, ") * size for size in range(1, 5)) == len(films)


def test_a_stream_is_read_by_pytorch(workshop: Workshop, undisturbed: Path, tmp_path: Path) -> None:
    accepted = {int(file.stem) for file in (undisturbed / "accepted").glob("*.png")}
    options = ("--dataset", workshop.dataset, "--models", workshop.models, "--policy", workshop.policy, "--threads", 1)
    with service(workshop, "orchestrator", *options) as address:
        said = run_program(program("a stream for PyTorch"), {"orchestrator": address}, tmp_path)
    streamed = [int(pair) for line in said.splitlines() for pair in re.findall(r"\d+", line.rpartition("[")[2])]
    assert sorted(streamed) == sorted(accepted)
