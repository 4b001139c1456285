import multiprocessing
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from services.curator.workers import count_workers, map_in_processes

REPOSITORY = Path(__file__).parents[3]

TWO_ENDLESS_WORKERS = """
import multiprocessing, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
import endless
from services.curator.workers import count_workers, map_in_processes

if __name__ == "__main__":
    for _ in map_in_processes(endless.work, [0, 1], workers=2):
        pass
"""

ENDLESS = """
import os, signal

def work(item):
    os.write(1, f"{os.getpid()}\\n".encode())
    signal.pause()
"""


def square(number: int) -> int:
    return number * number


def refuse_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_is_worked_on_once(workers: int) -> None:
    assert sorted(map_in_processes(square, range(40), workers=workers)) == [number**2 for number in range(40)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_ends_the_work(workers: int) -> None:
    with pytest.raises(ValueError, match="three"):
        list(map_in_processes(refuse_three, range(1000), workers=workers))


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    (tmp_path / "main.py").write_text(TWO_ENDLESS_WORKERS)
    command = [sys.executable, str(tmp_path / "main.py"), str(REPOSITORY), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
        others = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
        _, alive = psutil.wait_procs({*workers, *others}, timeout=30)
    for left_behind in alive:
        left_behind.kill()
    assert not alive


@pytest.mark.parametrize(
    ("available_mib", "limit", "workers"),
    [
        (64_000, None, 8),
        (64_000, "max", 8),
        (5_300, None, 5),
        (64_000, str(3 << 30), 3),
        (700, "max", 1),
        (None, None, 8),
    ],
    ids=["enough", "no limit", "little memory", "a container's limit", "hardly any", "not told"],
)
def test_there_are_no_more_workers_than_memory_is_for(
    available_mib: int | None, limit: str | None, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing, "cpu_count", lambda: 8)
    if available_mib is not None:
        (tmp_path / "proc").mkdir()
        text = f"MemTotal:  99999999 kB\nMemAvailable:   {available_mib * 1024} kB\n"
        (tmp_path / "proc" / "meminfo").write_text(text)
    if limit is not None:
        (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
        (tmp_path / "sys/fs/cgroup" / "memory.max").write_text(f"{limit}\n")
    assert count_workers(memory=1 << 30, system=tmp_path) == workers
