"""`mammosynth status`: how far a run is, once or again and again until it is complete."""

import json
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.live import Live

from services.orchestrator.configuration import StatusConfiguration
from services.orchestrator.ledger import Ledger
from services.orchestrator.runs.commands import status as in_a_cluster
from services.orchestrator.status.screen import screen
from services.orchestrator.status.watcher import Status, Watcher
from shared.store import Store


def run(configuration: StatusConfiguration, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Tell how far a run is; returns the exit code, 0. With `watch` it goes on until the run is complete.

    With an address the run is one of a cluster, asked of its orchestrator.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if its `run.json` is broken.

    """
    if configuration.address is not None:
        return in_a_cluster(configuration.address, configuration)
    watcher = Watcher(Ledger(Store(configuration.run)))
    looks = _looks(watcher, configuration, sleep)
    console = Console()
    if configuration.format == "json":
        for status in looks:
            line = json.dumps(status.to_dict(), sort_keys=True, indent=None if configuration.watch else 1)
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    elif configuration.watch and console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for status in looks:
                live.update(screen(status, now=time.time()), refresh=True)
    else:
        for status in looks:
            console.print(screen(status, now=time.time()), soft_wrap=True)
    return 0


def _looks(watcher: Watcher, configuration: StatusConfiguration, sleep: Callable[[float], None]) -> Iterator[Status]:
    """Look once, or every so often until the run is complete."""
    while True:
        status = watcher.look()
        yield status
        if not configuration.watch or status.manifest["complete"]:
            return
        sleep(configuration.every_s)
