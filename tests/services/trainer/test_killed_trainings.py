import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open

from shared.dataset import Split
from tests.services.trainer.made_films import write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

CPU = ("--threads", "1", "--device", "cpu", "--seed", "3")
LOOP = (*CPU, "--augment", "--keep", "validation_loss", "--patience", "50")
ANOMALY = ("anomaly", *LOOP, "--widths", "4,8", "--epochs", "40", "--batch-size", "4")
FINE_TUNED = ("classifier", *LOOP, "--backbone", "resnet18", "--start", "random", "--epochs", "4", "--batch-size", "8")
TRAININGS = {
    "anomaly": (ANOMALY, 40),
    "classifier": ((*FINE_TUNED, "--folds", "2", "--balance", "sampling"), 3 * 4),
}
"""Options, and how many epochs there are in all."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    patients = {Split.TRAIN: 10, Split.VALIDATION: 4, Split.GENERATION: 2, Split.TEST: 2}
    return write_dataset(tmp_path_factory.mktemp("killed") / "dataset", patients=patients)


def start(dataset: Path, output: Path, options: Sequence[str]) -> subprocess.Popen[str]:
    kind, *rest = options
    command = [sys.executable, "-m", "services.cli", "train", kind, str(dataset), "--output", str(output), *rest]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def epochs_saved(folder: Path) -> int:
    """Whole epochs of all fits, as their checkpoints say."""
    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            with safe_open(path, framework="np") as file:
                total += file.metadata()["state"].count('"training_loss"')
        except (SafetensorError, FileNotFoundError):
            return 0  # the training has ended and is tidying up
    return total


def kill_after(process: subprocess.Popen[str], folder: Path, epochs: int, pause_s: float) -> int:
    """Kill the training some time after it has saved so many epochs; returns how many are saved."""
    deadline = time.monotonic() + 300
    while epochs_saved(folder) < epochs:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(pause_s)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return epochs_saved(folder)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_killed_twice_ends_with_the_same_file_as_one_that_ran_through(
    name: str, dataset: Path, tmp_path: Path
):
    options, epochs = TRAININGS[name]
    finish(start(dataset, tmp_path / "through", options))
    killed, folder = tmp_path / "killed", tmp_path / "killed" / f"{name}.training"
    moments = np.random.default_rng(len(name))
    saved = [0]
    for _ in range(2):
        wanted = saved[-1] + int(moments.integers(1, epochs // 4, endpoint=True))
        saved.append(kill_after(start(dataset, killed, options), folder, wanted, moments.uniform(0, 0.1)))
    assert 0 < saved[1] < saved[2] < epochs
    assert not (killed / f"{name}.onnx").exists()
    said = finish(start(dataset, killed, options))
    assert "training goes on" in said
    assert said.count("epoch done") == epochs - saved[2]
    first, second = (
        hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest() for folder in (tmp_path / "through", killed)
    )
    assert first == second
    figures = [json.loads((where / f"{name}.json").read_text()) for where in (tmp_path / "through", killed)]
    assert all(written.pop("seconds") > 0 for written in figures)
    assert figures[0] == figures[1]
    assert not folder.exists()


def test_a_training_killed_between_its_two_files_is_done_again_and_a_whole_one_is_not(dataset: Path, tmp_path: Path):
    options = (*ANOMALY, "--epochs", "2")
    finish(start(dataset, tmp_path, options))
    model = (tmp_path / "anomaly.onnx").read_bytes()
    (tmp_path / "anomaly.json").unlink()
    finish(start(dataset, tmp_path, options))
    assert (tmp_path / "anomaly.onnx").read_bytes() == model
    assert "training is already finished" in finish(start(dataset, tmp_path, options))
