"""Shards, workers, restarts, kills and replays end in the very same run."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from mammosynth.client import Generator

from tests.runs.conftest import PAIRS, Workshop, files, manifest, processes_of, service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def wait_until_gone(output: Path, seconds: float = 30.0) -> list[psutil.Process]:
    ends = time.monotonic() + seconds
    while (left := processes_of(output)) and time.monotonic() < ends:
        psutil.wait_procs(left, timeout=0.5)
    return left


def test_a_run_accepts_some_pairs_and_says_why_it_gave_up_the_others(undisturbed: Path) -> None:
    found = manifest(undisturbed)
    assert found["complete"]
    assert found["done"] == PAIRS
    assert found["accepted"] + sum(found["rejected"].values()) == PAIRS
    assert found["accepted"] == len(list((undisturbed / "accepted").glob("*.png"))) > 0
    assert found["uniform"]
    assert found["placebo"]["missing"] == 0
    assert found["placebo"]["twins"] == len(list((undisturbed / "pairs").glob("*-placebo.json"))) > 0
    for path in sorted((undisturbed / "pairs").glob("*.json")):
        record = json.loads(path.read_text())
        assert record["content"]["patient_id"] != record["style"]["patient_id"]
        assert all(trial["reasons"] for trial in record["trials"] if trial["trial"] != record["accepted_trial"])


def test_four_shards_make_the_same_run_as_one(workshop: Workshop, undisturbed: Path, tmp_path: Path) -> None:
    for shard in (2, 0, 3, 1):
        done = workshop.generate(tmp_path / "run", "--shard", f"{shard}/4")
        assert done.returncode == 0, done.stderr[-2000:]
    assert manifest(tmp_path / "run")["run_digest"] == manifest(undisturbed)["run_digest"]
    assert files(tmp_path / "run") == files(undisturbed)


def test_two_workers_on_the_same_shard_make_the_same_run(workshop: Workshop, undisturbed: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    workers = [
        subprocess.Popen(
            workshop.command(*workshop.generate_arguments(output)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        _, said = worker.communicate(timeout=600)
        assert worker.returncode == 0, said[-2000:]
    assert manifest(output)["run_digest"] == manifest(undisturbed)["run_digest"]
    assert files(output) == files(undisturbed)


def test_a_run_killed_ten_times_at_random_moments_ends_as_if_nothing_had_happened(
    workshop: Workshop, undisturbed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    moments = random.Random(7)
    for _ in range(10):
        process = subprocess.Popen(
            workshop.command(*workshop.generate_arguments(output)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=moments.uniform(0.5, 14.0))
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        assert wait_until_gone(output) == []
        assert not list(output.glob("**/*.json.part"))
    done = workshop.generate(output)
    assert done.returncode == 0, done.stderr[-2000:]
    assert manifest(output)["run_digest"] == manifest(undisturbed)["run_digest"]
    assert files(output) == files(undisturbed)


@pytest.mark.parametrize("service", ["stylizer", "anomaly", "classifier"])
def test_a_service_that_is_killed_is_started_again_and_nothing_is_lost(
    workshop: Workshop, undisturbed: Path, tmp_path: Path, service: str
) -> None:
    output = tmp_path / "run"
    process = subprocess.Popen(
        workshop.command(*workshop.generate_arguments(output)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    victim = _wait_for_child(process.pid, service, output)
    victim.kill()
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said[-2000:]
    assert "service died, starting it again" in said
    assert manifest(output)["run_digest"] == manifest(undisturbed)["run_digest"]
    assert files(output) == files(undisturbed)
    assert wait_until_gone(output) == []


def _wait_for_child(pid: int, service: str, output: Path) -> psutil.Process:
    """The service's process, once the run works on its first pairs."""
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        for child in psutil.Process(pid).children():
            if service in child.cmdline() and (output / "run.json").exists():
                return child
        psutil.wait_procs([psutil.Process(pid)], timeout=0.1)
    raise AssertionError(f"{service} was not started")


def test_sigterm_ends_a_run_with_its_own_exit_code_and_it_goes_on_later(
    workshop: Workshop, undisturbed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    process = subprocess.Popen(
        workshop.command(*workshop.generate_arguments(output, "--grace-s", 0)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_child(process.pid, "stylizer", output)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said[-2000:]
    assert wait_until_gone(output) == []
    assert workshop.generate(output).returncode == 0
    assert manifest(output)["run_digest"] == manifest(undisturbed)["run_digest"]


def test_replay_makes_accepted_films_again_bit_for_bit(workshop: Workshop, undisturbed: Path) -> None:
    accepted = sorted(int(path.stem) for path in (undisturbed / "accepted").glob("*.png"))[:3]
    assert accepted
    for pair in accepted:
        done = workshop.run("replay", undisturbed, pair)
        assert done.returncode == 0, done.stdout + done.stderr[-2000:]
        assert "bit for bit" in done.stdout


def test_replay_notices_a_film_that_was_tampered_with(workshop: Workshop, undisturbed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(undisturbed, copy)
    records = sorted((copy / "pairs").glob("*[0-9].json"))
    accepted = next(file for file in records if json.loads(file.read_text())["decision"] == "accepted")
    record = json.loads(accepted.read_text())
    record["sha256"] = "0" * 64
    accepted.write_text(json.dumps(record))
    done = workshop.run("replay", copy, record["pair"])
    assert done.returncode == 1
    assert "differs" in done.stdout


def test_a_run_is_not_continued_with_another_seed(workshop: Workshop, undisturbed: Path) -> None:
    done = workshop.generate(undisturbed, "--seed", 5)
    assert done.returncode == 2
    assert "seed: begun with 0, now 5" in done.stderr


def test_samples_are_streamed_and_resumed_without_a_repeat(
    workshop: Workshop, undisturbed: Path, tmp_path: Path
) -> None:
    options = (
        *("--dataset", workshop.dataset, "--models", workshop.models),
        *("--policy", workshop.policy, "--threads", 1, "--slots", 2),
    )
    expected = sorted(int(path.stem) for path in (undisturbed / "accepted").glob("*.png"))
    with service(workshop, "orchestrator", *options) as address, Generator(address) as generator:
        for sample in generator.generate(seed=0, pair_limit=PAIRS, timeout=300):
            first = sample
            break
        rest = generator.generate(seed=0, first_pair=first.next_pair, pair_limit=PAIRS - first.next_pair, timeout=300)
        assert [first.pair, *(sample.pair for sample in rest)] == expected
