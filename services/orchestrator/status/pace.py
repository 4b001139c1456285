"""How fast a run goes, from what its workers wrote down about time."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from services.orchestrator.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast pairs end."""

    timed: int
    """Pairs of which the time is known."""
    workers: int
    worker_seconds: float
    """How long all workers were at work, added up."""
    seconds: float
    """How long at least one worker was at work: breaks between an interruption and its restart do not count."""
    last_ended: float
    """When the last timed pair ended, in seconds since 1970."""

    @property
    def seconds_per_pair(self) -> float:
        """Of the clock on the wall, with as many workers as there were."""
        return self.seconds / self.timed


def read_pace(ledger: Ledger) -> Pace | None:
    """Sum the workers' timings up; None where there are none. What cannot be read is left out."""
    pairs: set[int] = set()
    spans: list[tuple[float, float]] = []
    for name in ledger.store.names(ledger.timings, ".json"):
        try:
            values = json.loads(ledger.store.read(f"{ledger.timings}/{name}.json"))
            began = float(values["began"])
            ended = max(float(entry["ended_s"]) for entry in values["pairs"])
            pairs.update(int(entry["pair"]) for entry in values["pairs"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        spans.append((began, began + ended))
    if not spans:
        return None
    return Pace(
        timed=len(pairs),
        workers=len(spans),
        worker_seconds=sum(end - begin for begin, end in spans),
        seconds=_covered(spans),
        last_ended=max(end for _, end in spans),
    )


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of spans."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
