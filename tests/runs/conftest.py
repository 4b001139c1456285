"""Whole runs through the command line: phantoms, gates that see texture, real services as child processes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.tiny_models import write_texture_gates

PAIRS = 8
SIZE = 48

POLICY = {
    "name": "quick",
    "pairing": {"content": "shuffled", "style": "same_source_and_view"},
    "placebo_share": 0.5,
    "region": "breast",
    "gates": {"anomaly": 0.125, "classifier": 0.7, "minimum_change": 0.001},
    "recipes": [
        {"content_layer": "conv_5", "style_weight": 1e3, "steps": 10},
        {"content_layer": "conv_5", "style_weight": 1e3, "steps": 20},
        {"content_layer": "conv_5", "style_weight": 1e3, "steps": 40},
        {"content_layer": "conv_4", "style_weight": 1e2, "steps": 15},
    ],
}


@dataclass(frozen=True)
class Workshop:
    """A prepared data set, gates and a policy, and how to run the command line with them."""

    folder: Path

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def policy(self) -> Path:
        return self.folder / "quick.yaml"

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "services.cli", *map(str, arguments)]

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=500, check=False)

    def generate_arguments(self, output: Path, *more: object, pairs: int = PAIRS) -> tuple[object, ...]:
        return (
            *("generate", "--dataset", self.dataset, "--models", self.models, "--policy", self.policy),
            *("--output", output, "--pairs", pairs, "--threads", 1, "--slots", 2, *more),
        )

    def generate(self, output: Path, *more: object, pairs: int = PAIRS) -> subprocess.CompletedProcess[str]:
        return self.run(*self.generate_arguments(output, *more, pairs=pairs))


def manifest(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    return found


def files(output: Path) -> dict[str, bytes]:
    """What two runs of the same pairs must have alike, byte for byte."""
    folders = ("accepted", "pairs", "placebo", "rejected")
    return {
        str(path.relative_to(output)): path.read_bytes()
        for folder in folders
        for path in sorted((output / folder).glob("*"))
    }


def processes_of(output: Path) -> list[psutil.Process]:
    """Processes, this one aside, that have a file of the run directory open or named on their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            named = any(str(output) in word for word in process.cmdline())
            opened = any(str(output) in file.path for file in process.open_files())
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if (named or opened) and process.pid != psutil.Process().pid:
            found.append(process)
    return found


@contextmanager
def service(workshop: Workshop, name: str, *options: object) -> Iterator[str]:
    """Serve on a port of the system's choice; gives the address."""
    command = workshop.command("serve", name, *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip().removeprefix("listening on ")
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 143


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = Workshop(tmp_path_factory.mktemp("workshop"))
    phantoms = made.folder / "phantoms"
    made.policy.write_text(yaml.safe_dump(POLICY))
    steps = (
        ("dataset", "phantom", "--output", phantoms, "--patients", 40, "--rows", 128, "--columns", 96),
        (
            *("dataset", "prepare", "--images", phantoms, "--table", phantoms / "table.csv"),
            *("--output", made.dataset, "--size", SIZE, "--test", "none"),
        ),
    )
    for arguments in steps:
        done = made.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr[-3000:]}"
    # Not trained, so that the same pairs pass on every machine: half of them, some at once, some at the second trial.
    write_texture_gates(made.models, size=SIZE, midpoint=0.0975, gain=100.0)
    return made


@pytest.fixture(scope="session")
def undisturbed(workshop: Workshop) -> Path:
    """The run that all disturbed ones must equal."""
    output = workshop.folder / "undisturbed"
    done = workshop.generate(output)
    assert done.returncode == 0, done.stderr[-3000:]
    return output
