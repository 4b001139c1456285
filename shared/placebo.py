"""What the placebo says: twins with a benign style beside the pairs that they share their content with.

What a twin achieves, the pair has not achieved by its malignant style. Differences are taken within a content, so few
films say more than two rates side by side; intervals are percentile bootstraps over contents (2,000 draws, 95 %), as
pairs of one content are not independent.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.record import PairRecord

_DRAWS = 2000
FEWEST_CONTENTS = 5
"""Below as many contents a bootstrap interval says nothing, and is left out."""


def compare(pairs: Sequence[PairRecord], twins: Sequence[PairRecord]) -> dict[str, Any]:
    """Compare twins with their pairs, as a manifest holds it: counts, and differences pair minus twin.

    Only pairs that were tried count in the differences: where the content was not called benign, nothing was.
    """
    by_pair = {record.pair: record for record in pairs if record.trials}
    compared = [(by_pair[twin.pair], twin) for twin in twins if twin.trials and twin.pair in by_pair]
    contents = [pair.content.image_id for pair, _ in compared]
    return {
        "twins": len(twins),
        "accepted": sum(twin.accepted for twin in twins),
        "compared": len(compared),
        "contents": len(set(contents)),
        "pairs_accepted": sum(pair.accepted for pair, _ in compared),
        "twins_accepted": sum(twin.accepted for _, twin in compared),
        "acceptance_difference": mean_difference(
            [float(pair.accepted) - float(twin.accepted) for pair, twin in compared], contents
        ),
        "logit_difference": mean_difference([_logit_difference(pair, twin) for pair, twin in compared], contents),
    }


def _logit_difference(pair: PairRecord, twin: PairRecord) -> float:
    """Mean difference of the classifier's logit over the trials that both made; NaN where there are none."""
    differences = [
        ours.scores.logit - theirs.scores.logit
        for ours, theirs in zip(pair.trials, twin.trials, strict=False)
        if ours.scores and theirs.scores
    ]
    return float(np.mean(differences)) if differences else float("nan")


def mean_difference(values: Sequence[float], contents: Sequence[str]) -> dict[str, float] | None:
    """Mean over contents, each counted once, with its interval; None where there is nothing to compare."""
    grouped: dict[str, list[float]] = defaultdict(list)
    for value, content in zip(values, contents, strict=True):
        if np.isfinite(value):
            grouped[content].append(value)
    if not grouped:
        return None
    means = np.array([float(np.mean(grouped[content])) for content in sorted(grouped)])
    result = {"mean": float(means.mean())}
    if len(means) >= FEWEST_CONTENTS:
        result["low"], result["high"] = _interval(means)
    return result


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    draws = np.random.default_rng(0).integers(0, len(means), size=(_DRAWS, len(means)))
    low, high = np.percentile(means[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
