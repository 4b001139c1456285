"""The order in which a policy tries its recipes: most acceptance over placebo per unit of work first.

A pair meets a trial only if the trials before it did not take it, and so does its placebo twin. What a trial adds is
therefore not its own acceptance rate, but what it takes of the pairs that are left, less what it takes of the twins
that are left. Its work is what the pairs that are left spend on it. Trials that differ in steps alone, ascending and
next to one another, share one optimisation: a later one costs only the steps beyond the one before.

The order is chosen greedily. At each turn every block (some of one recipe's numbers of steps, ascending) that could be
appended is tried on the recorded outcomes of every content, and the one with the highest

    (share of pairs taken - share of twins taken) / (evaluations per pair of all pairs)

is appended; a block of the recipe that stands last costs only its steps beyond. It ends when no block adds anything, or
the policy is full. Of equal blocks the shorter is taken, then the one that stands first in the sweep.

Work is counted in evaluations of the objective, which all cost the same on one machine and at one size: the cost of one
is measured once, as a factor, and can not turn the order about. Scoring a trial is not counted.

Where an outcome is not known (a run stops at the first acceptance, so later trials of that pair were never made), the
share that the setting took of those left of which it is known stands in for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from services.orchestrator.policy import MAXIMUM_TRIALS
from services.orchestrator.tuning.outcomes import Outcomes

_TIE = 1e-9

Shares = NDArray[np.float64]
"""(pairs,): how much of each pair is left, 1 before the first trial, 0 once it is taken."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One trial of the order, with what is expected of it."""

    setting: int
    """Number among the outcomes' settings."""
    evaluations: int
    """That a pair which comes to this trial spends on it."""
    taken: float
    """Share of all pairs that this trial takes, 0 to 1."""
    placebo_taken: float
    """Share of all twins that it takes."""
    work: float
    """Evaluations spent on it per pair, averaged over all pairs, those that do not come to it included."""

    @property
    def excess(self) -> float:
        """What it adds over placebo, in shares of all pairs."""
        return self.taken - self.placebo_taken


@dataclass(frozen=True)
class Order:
    """An order of trials, and what is left after the last."""

    choices: tuple[Choice, ...]
    left: Shares
    """Of each pair."""
    placebo_left: Shares
    """Of each twin."""


def best_order(outcomes: Outcomes, *, limit: int = MAXIMUM_TRIALS) -> Order:
    """Order the settings of a sweep as the module says; no choices where none adds anything over placebo."""
    pairs = len(outcomes.contents)
    order = Order((), np.ones(pairs), np.ones(pairs))
    while len(order.choices) < limit:
        best, best_rate = None, 0.0
        for block in _blocks(outcomes, order, limit - len(order.choices)):
            extended = append(outcomes, order, block)
            added = extended.choices[len(order.choices) :]
            rate = _rate(added)
            if rate > best_rate * (1 + _TIE) and rate > _TIE:
                best, best_rate = extended, rate
        if best is None:
            break
        order = best
    return order


def append(outcomes: Outcomes, order: Order, block: Sequence[int]) -> Order:
    """Let what is left of the pairs and twins meet these settings, one after another."""
    choices, left, placebo_left = list(order.choices), order.left, order.placebo_left
    for setting in block:
        ours = left * _filled(outcomes.malignant.accepted[:, setting], left)
        theirs = placebo_left * _filled(outcomes.placebo.accepted[:, setting], placebo_left)
        evaluations = outcomes.evaluations[setting] - _spent(outcomes, choices, setting)
        choices.append(
            Choice(
                setting=setting,
                evaluations=evaluations,
                taken=float(ours.mean()),
                placebo_taken=float(theirs.mean()),
                work=float(left.mean()) * evaluations,
            )
        )
        left, placebo_left = left - ours, placebo_left - theirs
    return Order(tuple(choices), left, placebo_left)


def best_trajectories(outcomes: Outcomes, count: int) -> tuple[int, ...]:
    """Settings that stand for the `count` best recipes, whatever their steps: by excess per work when tried first.

    Where recipes are equal by that, the one with the larger paired difference of the logit is better.
    """
    start = best_order(outcomes, limit=0)
    ranks: dict[int, tuple[float, float, int]] = {}
    for block in _blocks(outcomes, start, MAXIMUM_TRIALS):
        trajectory = outcomes.trajectories[block[0]]
        rate = max(_rate(append(outcomes, start, block).choices), 0.0)
        rank = (round(rate, 9), max(logit_gain(outcomes, setting) for setting in block), -block[0])
        ranks[trajectory] = max(rank, ranks.get(trajectory, rank))
    chosen = sorted(ranks, key=lambda trajectory: ranks[trajectory], reverse=True)[:count]
    return tuple(outcomes.trajectories.index(trajectory) for trajectory in chosen)


def logit_gain(outcomes: Outcomes, setting: int) -> float:
    """Mean difference of the classifier's logit, malignant minus placebo; -inf where nothing is known."""
    differences = outcomes.malignant.logit[:, setting] - outcomes.placebo.logit[:, setting]
    known = differences[~np.isnan(differences)]
    return float(known.mean()) if known.size else -np.inf


def _blocks(outcomes: Outcomes, order: Order, room: int) -> Iterator[tuple[int, ...]]:
    """Every block that could come next, the shorter first, then in the order of the sweep."""
    chosen = {choice.setting for choice in order.choices}
    by_trajectory: dict[int, list[int]] = {}
    for setting, trajectory in enumerate(outcomes.trajectories):
        if setting not in chosen and not np.isnan(outcomes.malignant.accepted[:, setting]).all():
            by_trajectory.setdefault(trajectory, []).append(setting)
    groups = [sorted(group, key=lambda setting: outcomes.evaluations[setting]) for group in by_trajectory.values()]
    for length in range(1, room + 1):
        for group in groups:
            yield from combinations(group, length)


def _rate(choices: Sequence[Choice]) -> float:
    work = sum(choice.work for choice in choices)
    return sum(choice.excess for choice in choices) / work if work > 0 else 0.0


def _spent(outcomes: Outcomes, choices: Sequence[Choice], setting: int) -> int:
    """Evaluations that the trial before has made already of this setting's optimisation."""
    if not choices:
        return 0
    last = choices[-1].setting
    shared = outcomes.trajectories[last] == outcomes.trajectories[setting]
    before = outcomes.evaluations[last]
    return before if shared and before < outcomes.evaluations[setting] else 0


def _filled(accepted: Shares, left: Shares) -> Shares:
    """Outcomes of one setting, with a share in place of those that are not known."""
    known = ~np.isnan(accepted)
    if known.all():
        return accepted
    weights = left[known] if left[known].sum() > 0 else np.ones(int(known.sum()))
    share = float(np.average(accepted[known], weights=weights)) if known.any() else 0.0
    return np.where(known, accepted, share)
