"""Shares with intervals, and Cohen's kappa."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest


@dataclass(frozen=True)
class Share:
    """How many of how many, with Wilson's interval of 95 %."""

    count: int
    of: int
    share: float
    low: float
    high: float


def share(hits: Iterable[bool]) -> Share | None:
    """Count hits; None where nothing was asked."""
    found = list(hits)
    if not found:
        return None
    interval = binomtest(sum(found), len(found)).proportion_ci(confidence_level=0.95, method="wilson")
    return Share(sum(found), len(found), sum(found) / len(found), float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Agreement:
    """How well two series of answers to the same films agree."""

    films: int
    agreed: Share
    kappa: float | None
    """Cohen's: (observed - expected) / (1 - expected) agreement; None where all answers are the same."""


def agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement | None:
    """Compare two series of answers; None where no film was answered twice.

    Args:
        pairs: both answers to each film.

    """
    agreed = share(first == second for first, second in pairs)
    if agreed is None:
        return None
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    expected = sum(firsts[answer] * seconds[answer] for answer in firsts) / len(pairs) ** 2
    kappa = None if expected == 1.0 else (agreed.share - expected) / (1.0 - expected)
    return Agreement(len(pairs), agreed, kappa)
