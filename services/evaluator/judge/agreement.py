"""Whether a judge follows the gate: shifts by group, and agreement, with intervals over contents.

A shift is a score of the film made less the judge's score of its content. Films of one content are not independent:
each content counts once in a mean, and intervals are percentile bootstraps over contents.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from services.evaluator.judge.films import Group

_DRAWS = 2000
FEWEST_CONTENTS = 5
"""Below as many contents an interval says nothing, and is left out."""
CALLED_MALIGNANT = 0.5
"""Probability from which either model calls a film malignant, for the agreement."""

Numbers = NDArray[np.float64]
Drawn = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One film that the run made, as the gate and the judge see it."""

    group: Group
    pair: int
    trial: int
    content: str
    """Image id of the content."""
    gate_probability: float
    gate_logit_shift: float
    judge_probability: float
    judge_probability_shift: float
    judge_logit_shift: float


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, where there are contents enough for one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class GroupShift:
    """Mean shifts of one group."""

    films: int
    contents: int
    gate_logit: Estimate
    judge_logit: Estimate
    judge_probability: Estimate


@dataclass(frozen=True)
class Agreement:
    """How far judge and gate say the same of the films made."""

    films: int
    same_call: Estimate
    """Share of films that both call malignant, or both benign."""
    kappa: Estimate
    """Cohen's kappa of these calls: 0 is what chance achieves."""
    rank_correlation: Estimate
    """Spearman's, of both models' logit shifts."""


def shifts(films: Sequence[Judged]) -> dict[Group, GroupShift]:
    """Mean shifts of every group that has films."""
    found = {}
    for group in Group:
        members = [film for film in films if film.group is group]
        if members:
            found[group] = GroupShift(
                films=len(members),
                contents=len({film.content for film in members}),
                gate_logit=_mean(members, "gate_logit_shift"),
                judge_logit=_mean(members, "judge_logit_shift"),
                judge_probability=_mean(members, "judge_probability_shift"),
            )
    return found


def excess(films: Sequence[Judged], figure: str, *, group: Group, placebo: Group) -> Estimate | None:
    """Mean of a figure in a group less that in its placebo group; None where either is empty.

    Contents are drawn for both groups together, as they share them.
    """
    contents = sorted({film.content for film in films if film.group in (group, placebo)})
    ours, theirs = (
        _by_content([film for film in films if film.group is one], figure, contents) for one in (group, placebo)
    )
    if np.isnan(ours).all() or np.isnan(theirs).all():
        return None

    def difference(drawn: Drawn) -> float:
        sides = (ours[drawn], theirs[drawn])
        if any(np.isnan(side).all() for side in sides):
            return float("nan")
        return float(np.nanmean(sides[0]) - np.nanmean(sides[1]))

    return _estimate(len(contents), difference)


def agreement(films: Sequence[Judged]) -> Agreement:
    """Agreement of judge and gate over all films made; `films` must not be empty."""
    contents = sorted({film.content for film in films})
    of_content = [np.flatnonzero([film.content == content for film in films]) for content in contents]
    gate = np.array([film.gate_probability for film in films]) >= CALLED_MALIGNANT
    judge = np.array([film.judge_probability for film in films]) >= CALLED_MALIGNANT
    gate_shifts = np.array([film.gate_logit_shift for film in films])
    judge_shifts = np.array([film.judge_logit_shift for film in films])

    def over_films(statistic: Callable[[NDArray[np.intp]], float]) -> Estimate:
        return _estimate(len(contents), lambda drawn: statistic(np.concatenate([of_content[one] for one in drawn])))

    return Agreement(
        films=len(films),
        same_call=over_films(lambda chosen: float(np.mean(gate[chosen] == judge[chosen]))),
        kappa=over_films(lambda chosen: kappa(gate[chosen], judge[chosen])),
        rank_correlation=over_films(lambda chosen: _rank_correlation(gate_shifts[chosen], judge_shifts[chosen])),
    )


def kappa(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Cohen's kappa of two series of calls (n,); NaN where chance alone would agree always."""
    observed = float(np.mean(one == other))
    expected = float(one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean()))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def _rank_correlation(gate: Numbers, judge: Numbers) -> float:
    if len(gate) < 3 or np.ptp(gate) == 0 or np.ptp(judge) == 0:
        return float("nan")
    return float(spearmanr(gate, judge).statistic)


def _mean(films: Sequence[Judged], figure: str) -> Estimate:
    means = _by_content(films, figure, sorted({film.content for film in films}))
    return _estimate(len(means), lambda drawn: float(means[drawn].mean()))


def _by_content(films: Sequence[Judged], figure: str, contents: Sequence[str]) -> Numbers:
    """Mean of a figure over each content's films; NaN for a content without any."""
    values: dict[str, list[float]] = {content: [] for content in contents}
    for film in films:
        values[film.content].append(getattr(film, figure))
    return np.array([np.mean(values[content]) if values[content] else np.nan for content in contents])


def _estimate(contents: int, statistic: Callable[[Drawn], float]) -> Estimate:
    """Evaluate a statistic of contents, given by their numbers, each as often as it was drawn."""
    value = statistic(np.arange(contents))
    if contents < FEWEST_CONTENTS:
        return Estimate(value)
    draws = np.random.default_rng(0).integers(0, contents, size=(_DRAWS, contents))
    found = np.array([statistic(drawn) for drawn in draws])
    finite = found[np.isfinite(found)]
    if not len(finite):
        return Estimate(value)
    low, high = np.percentile(finite, [2.5, 97.5])
    return Estimate(value, float(low), float(high))
