"""Outcomes of sweeps as the tests of tuning need them: which contents each setting takes, with which style."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from services.orchestrator.tuning.outcomes import Arm, Outcomes, empty_arm
from shared.recipe import Recipe

ONE, TWO, THREE = Recipe(), Recipe(style_weight=1e4), Recipe(content_layer="conv_4")


def at(recipe: Recipe, steps: int) -> Recipe:
    return replace(recipe, steps=steps)


def arm(taken: list[Iterable[int]], pairs: int, **changes: Any) -> Arm:
    """An arm of which each setting takes the pairs that are named; their logit is 1, the others' 0."""
    tables = empty_arm(pairs, len(taken))
    for setting, numbers in enumerate(taken):
        tables.accepted[:, setting] = 0.0
        tables.accepted[list(numbers), setting] = 1.0
    return replace(
        tables, logit=tables.accepted.copy(), probability=tables.accepted / 2, change=tables.accepted + 0.25, **changes
    )


def outcomes(
    settings: dict[Recipe, tuple[Iterable[int], Iterable[int]]], pairs: int = 4, contents: Iterable[str] | None = None
) -> Outcomes:
    """Settings with the pairs, then the twins, that each takes."""
    return Outcomes(
        tuple(contents or (f"b{number}" for number in range(pairs))),
        tuple(settings),
        arm([ours for ours, _ in settings.values()], pairs),
        arm([theirs for _, theirs in settings.values()], pairs),
    )


def unknown(outcomes: Outcomes, pair: int, setting: int) -> Outcomes:
    """The same, but nothing is known of one pair at one setting, malignant style."""
    accepted = outcomes.malignant.accepted.copy()
    accepted[pair, setting] = np.nan
    return replace(outcomes, malignant=replace(outcomes.malignant, accepted=accepted))
