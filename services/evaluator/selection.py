"""Which pairs a page shows: spread evenly over the run, never picked by looks."""

from collections.abc import Container, Sequence
from typing import TypeVar

from shared.record import PairRecord, Trial

_T = TypeVar("_T")


def spread(items: Sequence[_T], limit: int) -> list[_T]:
    """Take at most `limit` items at even distances, in their order."""
    if len(items) <= limit:
        return list(items)
    return [items[(2 * place + 1) * len(items) // (2 * limit)] for place in range(limit)]


def choose_accepted(records: Sequence[PairRecord], limit: int) -> list[tuple[PairRecord, Trial]]:
    """Accepted pairs to be shown, each with the trial that was kept."""
    kept = [(record, record.trial(record.accepted_trial)) for record in records if record.accepted_trial is not None]
    return spread([(record, trial) for record, trial in kept if trial is not None], limit)


def choose_rejected(
    records: Sequence[PairRecord], kept: Container[tuple[int, int]], limit: int
) -> dict[str, list[tuple[PairRecord, Trial]]]:
    """Rejected trials to be shown, by their weightiest reason; at most one of a pair for each reason.

    Args:
        records: of the run.
        kept: pair and trial of each film that is there.
        limit: trials for each reason.

    """
    by_reason: dict[str, list[tuple[PairRecord, Trial]]] = {}
    for record in records:
        seen: set[str] = set()
        for trial in record.trials:
            if trial.reasons and trial.reasons[0] not in seen and (record.pair, trial.trial) in kept:
                seen.add(trial.reasons[0])
                by_reason.setdefault(trial.reasons[0], []).append((record, trial))
    return {reason: spread(found, limit) for reason, found in sorted(by_reason.items())} if limit else {}
