"""How each recipe did, whatever its number of steps, beside the placebo."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.recipe import Recipe
from shared.record import PairRecord

_Key = tuple[Any, ...]
_NAMES = ("content_layer", "content_weight", "style_weight", "region", "optimizer")


@dataclass(frozen=True)
class RecipeTally:
    """Pairs on which a recipe was tried, at whichever number of steps."""

    recipe: Mapping[str, Any]
    steps: tuple[int, ...]
    """That were tried."""
    tried: int
    accepted: int
    twins_tried: int
    twins_accepted: int

    @property
    def share(self) -> float:
        """Accepted of tried, 0 to 1."""
        return self.accepted / self.tried if self.tried else 0.0

    @property
    def twins_share(self) -> float:
        """The same of the placebo twins."""
        return self.twins_accepted / self.twins_tried if self.twins_tried else 0.0


def recipe_tallies(records: Sequence[PairRecord], twins: Sequence[PairRecord]) -> list[RecipeTally]:
    """Count by recipe, in the order in which they are tried."""
    first: dict[_Key, int] = {}
    steps: dict[_Key, set[int]] = {}
    for record in (*records, *twins):
        for trial in record.trials:
            key = _key(trial.recipe)
            first[key] = min(trial.trial, first.get(key, trial.trial))
            steps.setdefault(key, set()).add(trial.recipe.steps)
    tried, accepted = _counts(records)
    twins_tried, twins_accepted = _counts(twins)
    return [
        RecipeTally(
            recipe=dict(zip(_NAMES, key, strict=True)),
            steps=tuple(sorted(steps[key])),
            tried=tried[key],
            accepted=accepted[key],
            twins_tried=twins_tried[key],
            twins_accepted=twins_accepted[key],
        )
        for key in sorted(first, key=lambda key: first[key])
    ]


def _counts(records: Sequence[PairRecord]) -> tuple[Counter[_Key], Counter[_Key]]:
    """Records in which each recipe was tried, and in which it was kept."""
    tried: Counter[_Key] = Counter()
    accepted: Counter[_Key] = Counter()
    for record in records:
        tried.update({_key(trial.recipe) for trial in record.trials})
        kept = record.trial(record.accepted_trial)
        if kept is not None:
            accepted[_key(kept.recipe)] += 1
    return tried, accepted


def _key(recipe: Recipe) -> _Key:
    return tuple(getattr(recipe, name) for name in _NAMES)
