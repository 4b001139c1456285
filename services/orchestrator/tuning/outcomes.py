"""What every setting (a recipe at a number of steps) made of the same contents, with malignant and placebo styles."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from shared.placebo import mean_difference
from shared.recipe import Recipe

Table = NDArray[np.float64]
"""(pairs, settings); NaN where it is not known."""


@dataclass(frozen=True)
class Arm:
    """What one kind of style achieved."""

    accepted: Table
    """1 where both gates let the film pass, 0 where not."""
    change: Table
    """Mean absolute change inside the region, in units of full scale."""
    anomaly: Table
    """Anomaly score."""
    probability: Table
    """Probability of malignancy."""
    logit: Table
    """The same before the logistic function."""

    def __post_init__(self) -> None:
        shapes = {getattr(self, item.name).shape for item in fields(self)}
        if len(shapes) != 1:
            raise ValueError(f"arm: found tables of shapes {shapes}, needed one")

    def take(self, rows: NDArray[np.intp]) -> "Arm":
        """Some of the pairs, all settings."""
        return Arm(*(getattr(self, item.name)[rows] for item in fields(self)))


def empty_arm(pairs: int, settings: int) -> Arm:
    """Tables in which nothing is known yet."""
    return Arm(*(np.full((pairs, settings), np.nan) for _ in fields(Arm)))


@dataclass(frozen=True)
class Outcomes:
    """A sweep, or a run: settings by pairs, and what is known of each."""

    contents: tuple[str, ...]
    """image_id of each pair's content."""
    settings: tuple[Recipe, ...]
    malignant: Arm
    placebo: Arm

    def __post_init__(self) -> None:
        expected = (len(self.contents), len(self.settings))
        for arm in (self.malignant, self.placebo):
            if arm.accepted.shape != expected:
                raise ValueError(f"outcomes: found tables of shape {arm.accepted.shape}, needed {expected}")

    def take(self, rows: NDArray[np.intp]) -> "Outcomes":
        """Some of the pairs, all settings."""
        contents = tuple(self.contents[row] for row in rows)
        return Outcomes(contents, self.settings, self.malignant.take(rows), self.placebo.take(rows))

    @property
    def evaluations(self) -> tuple[int, ...]:
        """Evaluations that each setting takes from its start."""
        return tuple(recipe.evaluations(recipe.steps) for recipe in self.settings)

    @property
    def trajectories(self) -> tuple[int, ...]:
        """A number for each setting; those that differ in steps alone have the same, and share an optimisation."""
        numbers: dict[Recipe, int] = {}
        return tuple(numbers.setdefault(replace(recipe, steps=1), len(numbers)) for recipe in self.settings)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A paired difference, malignant minus placebo: mean over contents, and its interval."""

    mean: float
    low: float | None
    """2.5 % end of a bootstrap over contents; None where there are too few of them."""
    high: float | None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:+.2f} (no interval: too few contents)"
        return f"{self.mean:+.2f} (95 % interval {self.low:+.2f} to {self.high:+.2f})"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting in numbers. Rates and means are over the pairs of which both films are known."""

    recipe: Recipe
    evaluations: int
    pairs: int
    accepted: float
    """Share of films with malignant styles that both gates let pass, 0 to 1."""
    placebo_accepted: float
    acceptance_difference: Difference
    logit_difference: Difference
    change: float
    placebo_change: float
    anomaly: float
    placebo_anomaly: float
    probability: float
    placebo_probability: float


def describe(outcomes: Outcomes) -> tuple[Row, ...]:
    """Sum up every setting by itself, in the order of the settings; those of which nothing is known are left out."""
    rows = []
    for number, recipe in enumerate(outcomes.settings):
        ours, theirs = outcomes.malignant, outcomes.placebo
        both = ~np.isnan(ours.accepted[:, number]) & ~np.isnan(theirs.accepted[:, number])
        if not both.any():
            continue
        contents = [content for content, compared in zip(outcomes.contents, both, strict=True) if compared]

        def known(table: Table, chosen: NDArray[np.bool_] = both, setting: int = number) -> NDArray[np.float64]:
            column: NDArray[np.float64] = table[chosen, setting]
            return column

        rows.append(
            Row(
                recipe=recipe,
                evaluations=outcomes.evaluations[number],
                pairs=int(both.sum()),
                accepted=_mean(known(ours.accepted)),
                placebo_accepted=_mean(known(theirs.accepted)),
                acceptance_difference=paired(known(ours.accepted) - known(theirs.accepted), contents),
                logit_difference=paired(known(ours.logit) - known(theirs.logit), contents),
                change=_mean(known(ours.change)),
                placebo_change=_mean(known(theirs.change)),
                anomaly=_mean(known(ours.anomaly)),
                placebo_anomaly=_mean(known(theirs.anomaly)),
                probability=_mean(known(ours.probability)),
                placebo_probability=_mean(known(theirs.probability)),
            )
        )
    return tuple(rows)


def paired(differences: NDArray[np.float64], contents: list[str]) -> Difference:
    """Mean over contents with its interval; NaN where nothing is known."""
    found = mean_difference([float(value) for value in differences], contents)
    if found is None:
        return Difference(mean=float("nan"), low=None, high=None)
    return Difference(mean=found["mean"], low=found.get("low"), high=found.get("high"))


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
