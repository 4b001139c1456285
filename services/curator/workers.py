"""Work spread over processes."""

import multiprocessing
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from itertools import islice
from multiprocessing.connection import wait as wait_for_sentinel
from pathlib import Path
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_WAITING_PER_WORKER = 4


def count_workers(*, memory: int, system: Path = Path("/")) -> int:
    """How many processes the machine has room for: one a core, fewer where memory lacks, never none.

    Args:
        memory: that a process may need, in bytes.
        system: root of the file system, with what Linux tells of memory; elsewhere cores alone count.

    """
    available = [
        number
        for number in (_read_available(system / "proc/meminfo"), _read_limit(system / "sys/fs/cgroup/memory.max"))
        if number is not None
    ]
    cores = multiprocessing.cpu_count()
    return max(1, min([cores, *(number // memory for number in available)]))


def _read_available(path: Path) -> int | None:
    """Bytes that the machine could still give."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", path.read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return None
    return int(found.group(1)) << 10 if found else None


def _read_limit(path: Path) -> int | None:
    """Bytes that a container may have; "max" where there is no limit."""
    try:
        limit = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(limit) if limit.isdigit() else None


def map_in_processes(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, workers: int | None
) -> Iterator[_Result]:
    """Apply a module-level function to items in `workers` processes (None: one a core); results come as they are done.

    One worker means this process. Only a few items a worker are handed out in advance, so an exception (or a signal
    that raises one) ends the work soon. Workers end when this process does, however it ends.
    """
    count = multiprocessing.cpu_count() if workers is None else workers
    if count == 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("forkserver")
    preloaded = function.func if isinstance(function, partial) else function
    context.set_forkserver_preload([preloaded.__module__])
    remaining = iter(items)
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_end_with_parent)
    try:
        running: set[Future[_Result]] = set()
        while True:
            free = _WAITING_PER_WORKER * count - len(running)
            running.update(pool.submit(function, item) for item in islice(remaining, free))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Leave signals from the terminal to the parent, and kill this process when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_sentinel([parent.sentinel])
        signal.raise_signal(signal.SIGKILL)
