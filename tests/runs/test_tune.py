"""A whole sweep on phantoms through the command line: coarse, fine, killed twice, and stopped by SIGTERM."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from services.orchestrator.policy import load_policy
from tests.runs.conftest import Workshop, processes_of

pytestmark = pytest.mark.slow

GRID = ("--regions", "breast,film", "--content-layers", "conv_5", "--style-weights", "1e2,1e3", "--steps", "5,15,30")


def arguments(workshop: Workshop, output: Path) -> tuple[object, ...]:
    return (
        *("tune", "--dataset", workshop.dataset, "--models", workshop.models, "--policy", workshop.policy),
        *("--fine-dataset", workshop.dataset, "--fine-models", workshop.models, "--best", 2),
        *("--output", output, "--films", 4, "--pictures", 1, "--threads", 1, "--slots", 2, *GRID),
    )


def trajectories(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.glob("*/trajectories/*/*.json"))}


def stop(workshop: Workshop, output: Path, *, after: int, by: signal.Signals) -> int:
    """Start the command, and stop it once so many more trajectories have ended; gives its exit code."""
    before = len(trajectories(output))
    command = workshop.command(*arguments(workshop, output))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while len(trajectories(output)) < before + after:
            assert process.poll() is None, "it ended before it could be stopped"
            time.sleep(0.05)
        process.send_signal(by)
        return process.wait(timeout=60)


@pytest.fixture(scope="module")
def tuned(workshop: Workshop) -> Path:
    output = workshop.folder / "tuned"
    done = workshop.run(*arguments(workshop, output))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "policy" in done.stdout
    return output


def test_a_sweep_ends_with_a_policy_that_generates(workshop: Workshop, tuned: Path) -> None:
    policy = load_policy(str(tuned / "policy.yaml"))
    assert 1 <= len(policy.recipes) <= 7
    assert len(list((tuned / "coarse" / "trajectories").iterdir())) == 4
    assert len(list((tuned / "fine" / "trajectories").iterdir())) == 2
    assert len(list((tuned / "coarse" / "sheets").iterdir())) == 4
    output = workshop.folder / "by-tuned"
    done = workshop.run(
        *("generate", "--dataset", workshop.dataset, "--models", workshop.models, "--policy", tuned / "policy.yaml"),
        *("--output", output, "--pairs", 2, "--threads", 1, "--slots", 2),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((output / "manifest.json").read_text())["complete"]


def test_a_sweep_that_is_killed_goes_on_and_ends_with_the_same_policy(workshop: Workshop, tuned: Path) -> None:
    output = workshop.folder / "disturbed"
    whole = len(trajectories(tuned))
    assert stop(workshop, output, after=2, by=signal.SIGKILL) == -signal.SIGKILL
    assert stop(workshop, output, after=whole // 3, by=signal.SIGKILL) == -signal.SIGKILL
    assert stop(workshop, output, after=1, by=signal.SIGTERM) == 143
    kept = trajectories(output)
    assert kept
    done = workshop.run(*arguments(workshop, output))
    assert done.returncode == 0, done.stderr[-3000:]
    assert trajectories(output) == trajectories(tuned)
    assert (output / "policy.yaml").read_bytes() == (tuned / "policy.yaml").read_bytes()
    for stage in ("coarse", "fine"):
        for sheet in (tuned / stage / "sheets").iterdir():
            assert (output / stage / "sheets" / sheet.name).read_bytes() == sheet.read_bytes()
    deadline = time.monotonic() + 30
    while processes_of(output) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(output) == []
