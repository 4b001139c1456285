"""A tuned policy as YAML: the recipes in their order, and in words where they come from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from services.orchestrator.policy import Policy, parse_policy
from services.orchestrator.tuning.held_out import held_out_difference
from services.orchestrator.tuning.ordering import Choice, Order, append, best_order, logit_gain
from services.orchestrator.tuning.outcomes import Difference, Outcomes, paired
from shared.recipe import Recipe

_WIDTH = 120


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A policy that was ordered by what was measured."""

    outcomes: Outcomes
    order: Order
    beats_placebo: bool
    """False where no setting adds anything over placebo; the order then holds one, for want of a better."""
    held_out: Difference | None
    """Acceptance, malignant minus placebo, on contents that an order was chosen without."""

    @property
    def difference(self) -> Difference:
        """Acceptance by the whole list, malignant minus placebo."""
        return paired(self.order.placebo_left - self.order.left, list(self.outcomes.contents))

    @property
    def rates(self) -> tuple[float, float]:
        """Shares of pairs and of twins that the whole list takes, 0 to 1."""
        return 1 - float(np.mean(self.order.left)), 1 - float(np.mean(self.order.placebo_left))

    @property
    def work(self) -> float:
        """Evaluations that the whole list takes per pair."""
        return sum(choice.work for choice in self.order.choices)


def tune(outcomes: Outcomes) -> Tuned:
    """Order the settings; where none adds anything over placebo, take the one that moves the logit most."""
    order, beats_placebo = _choose(outcomes)
    held_out = held_out_difference(outcomes, lambda rest: _choose(rest)[0])
    return Tuned(outcomes=outcomes, order=order, beats_placebo=beats_placebo, held_out=held_out)


def _choose(outcomes: Outcomes) -> tuple[Order, bool]:
    """The order, and whether it adds anything over placebo."""
    order = best_order(outcomes)
    if order.choices:
        return order, True
    numbers = range(len(outcomes.settings))
    least_bad = max(numbers, key=lambda setting: (logit_gain(outcomes, setting), -setting))
    return append(outcomes, order, (least_bad,)), False


def verdict(tuned: Tuned) -> str:
    """Say in one paragraph what the list achieves beside its placebo."""
    ours, theirs = tuned.rates
    figures = (
        f"{ours:.0%} of pairs accepted, {theirs:.0%} of their placebo twins; paired difference of acceptance "
        f"{tuned.difference}; contents: {len(set(tuned.outcomes.contents))}; {tuned.work:.0f} evaluations a pair."
    )
    if not tuned.beats_placebo:
        return (
            "NO RECIPE BEATS THE PLACEBO: benign styles are accepted at least as often as malignant ones. What this "
            "policy accepts says nothing of malignancy; its one recipe moves the classifier's logit most. "
            f"{figures}"
        )
    flattered = "Chosen and measured on the same contents, which flatters"
    if tuned.held_out is not None:
        flattered += f"; on contents that recipes were chosen without: {tuned.held_out}"
    difference = tuned.held_out or tuned.difference
    if difference.low is None:
        doubt = " Too few contents to tell it from chance."
    else:
        doubt = "" if difference.low > 0 else " The interval holds 0: this may be chance."
    return f"{figures} {flattered}.{doubt}"


def policy_yaml(tuned: Tuned, base: Policy, *, name: str, size: int, origin: str) -> str:
    """Write the policy: everything but the recipes as in `base`.

    Args:
        tuned: the recipes, in their order.
        base: pairing, gates, optimiser.
        name: of the policy.
        size: rows and columns of the films that it was tuned at, in pixels.
        origin: what it was tuned on.

    Raises:
        ConfigurationError: if it were no policy.

    """
    values = base.model_dump(mode="json", exclude={"recipes"})
    values |= {"name": name, "size": size, "description": f"{origin} {verdict(tuned)}"}
    head = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=_WIDTH)
    lines = [
        "# Written by mammosynth tune. Recipes stand in the order in which they add most acceptance over placebo per"
    ]
    lines += ["# evaluation, each of what those before it left.", head.rstrip(), "recipes:"]
    for number, choice in enumerate(tuned.order.choices, start=1):
        lines += [f"  # {number}: {explain(choice)}", f"  - {_entry(tuned.outcomes.settings[choice.setting])}"]
    text = "\n".join(lines) + "\n"
    parse_policy(yaml.safe_load(text), name)
    return text


def explain(choice: Choice) -> str:
    """Say what one trial adds."""
    return (
        f"takes {choice.taken:.0%} of pairs, {choice.placebo_taken:.0%} of twins: {choice.excess:+.1%} for "
        f"{choice.evaluations} evaluations of those that come to it, {choice.work:.1f} a pair"
    )


def _entry(recipe: Recipe) -> str:
    values: dict[str, Any] = {
        "content_layer": recipe.content_layer,
        "style_layers": list(recipe.style_layers),
        "content_weight": recipe.content_weight,
        "style_weight": recipe.style_weight,
        "region": str(recipe.region),
        "steps": recipe.steps,
    }
    return yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=10_000).strip()
