"""What choosing an order achieves on contents that had no part in the choice.

An order is chosen for what it took of the very contents that it was measured on, so its excess over placebo is too
high: among many settings without any excess the luckiest still have one. Here the contents are cut into parts, an order
is chosen anew without each part and tried on it; the parts together measure the choosing, not the chosen.
"""

from collections.abc import Callable

import numpy as np

from services.orchestrator.tuning.ordering import Order, append
from services.orchestrator.tuning.outcomes import Difference, Outcomes, paired

PARTS = 20
"""At most; with fewer contents, each is a part of its own."""


def held_out_difference(outcomes: Outcomes, choose: Callable[[Outcomes], Order]) -> Difference | None:
    """Paired difference of acceptance, malignant minus placebo, by orders that were chosen without the contents.

    None where there are fewer than two contents, or where an outcome is not known: what a run did not try cannot be
    told of another order.
    """
    contents = np.array(outcomes.contents)
    names = np.unique(contents)
    tables = (outcomes.malignant.accepted, outcomes.placebo.accepted)
    if len(names) < 2 or any(np.isnan(table).any() for table in tables):
        return None
    differences = np.empty(len(contents))
    for part in np.array_split(names, min(PARTS, len(names))):
        inside = np.isin(contents, part)
        chosen = choose(outcomes.take(np.flatnonzero(~inside)))
        tried = outcomes.take(np.flatnonzero(inside))
        everything = np.ones(len(tried.contents))
        order = append(tried, Order((), everything, everything), [choice.setting for choice in chosen.choices])
        differences[inside] = order.placebo_left - order.left
    return paired(differences, list(outcomes.contents))
