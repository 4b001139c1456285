"""Archives whose preparation is killed again and again become the data set of an undisturbed preparation."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from services.curator.configuration import PhantomConfiguration
from services.curator.phantom.command import run as make_phantoms
from shared.dataset import Dataset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

KILLS = 6


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both archives with every trap, as CBIS-DDSM's zips and as CMMD's plain folders."""
    folder = tmp_path_factory.mktemp("archives")
    for layout, download, seed in (("cbis-ddsm", "zip", 3), ("cmmd", "classic", 4)):
        make_phantoms(
            PhantomConfiguration(
                output=folder / layout,
                layout=layout,
                download=download,
                traps=("all",),
                patients=15,
                rows=96,
                columns=72,
                seed=seed,
                workers=1,
            )
        )
    return folder


def start(archives: Path, output: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "services.cli", "dataset", "prepare", "--output", str(output)]
    command += ["--cbis-ddsm", str(archives / "cbis-ddsm"), "--cmmd", str(archives / "cmmd")]
    command += ["--size", "32", "--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> None:
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said


def films_in(output: Path) -> int:
    return len(list((output / "images").glob("*.png")))


def kill_at(process: subprocess.Popen[str], output: Path, films: int, pause_s: float) -> bool:
    """Kill the preparation some time after so many films lie there; returns whether it was still at work."""
    deadline = time.monotonic() + 300
    while films_in(output) < films and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(pause_s)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_preparation_killed_at_random_moments_ends_with_the_same_bytes(archives: Path, tmp_path: Path) -> None:
    finish(start(archives, tmp_path / "through"))
    whole = films_in(tmp_path / "through")
    moments = np.random.default_rng(14)
    output = tmp_path / "killed"
    wanted = [0, *sorted(int(number) for number in moments.integers(1, whole, size=KILLS - 2)), whole - 1]
    killed = [kill_at(start(archives, output), output, films, moments.uniform(0, 0.03)) for films in wanted]
    assert killed.count(True) >= KILLS - 1, "the last may come too late"
    finish(start(archives, output))

    assert tree(output) == tree(tmp_path / "through")
    assert Dataset.open(output).sha256 == Dataset.open(tmp_path / "through").sha256
