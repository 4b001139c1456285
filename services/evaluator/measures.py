"""Each measure of an evaluation, applied to each set of films, as `evaluation.json` holds it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.evaluator.distances.floor import FEWEST, Comparison, Distance, compare, sample_size
from services.evaluator.distances.frechet import Features, frechet_distance
from services.evaluator.distances.kernel import kernel_distance

REAL = "real"
SET_NAMES = {
    "accepted": "Accepted films",
    "contents": "The benign films that they were made from",
    "placebo": "Placebo films that passed both gates",
}
"""Sets that are compared with real malignant films."""


@dataclass(frozen=True)
class Measure:
    """A distance between two sets of films."""

    name: str
    title: str
    distance: Distance
    warning: Callable[[int], str]
    """What to say of a draw of so many films; empty if nothing."""


def _biased(sample: int) -> str:
    return (
        f"Measured on {sample} films a side. The Fréchet distance of 2,048 features is far too large below some 2,000 "
        "films: compare it with the floor beside it, never with a figure from elsewhere."
        if sample < 2048
        else ""
    )


def _nothing(_: int) -> str:
    return ""


RADIOMICS = (Measure("frechet_radiomics", "Fréchet distance, radiomic-like features", frechet_distance, _nothing),)
INCEPTION = (
    Measure("fid", "FID, Inception features", frechet_distance, _biased),
    Measure("kid", "KID, Inception features", kernel_distance, _nothing),
)


def measure(
    measures: Sequence[Measure],
    sets: Mapping[str, Features],
    real: Features,
    patients: Sequence[str],
    *,
    draws: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Compare each set with real malignant films, by each measure.

    Args:
        measures: that are taken.
        sets: features of each set, by its name in `SET_NAMES`.
        real: features of real malignant films.
        patients: of these.
        draws: splits of the real films.
        seed: of the draws.

    """
    return [
        {
            "name": item.name,
            "title": item.title,
            "sets": [
                _row(item, name, features, real, patients, draws=draws, seed=seed) for name, features in sets.items()
            ],
        }
        for item in measures
    ]


def _row(
    item: Measure, name: str, features: Features, real: Features, patients: Sequence[str], *, draws: int, seed: int
) -> dict[str, Any]:
    found = compare(features, real, patients, item.distance, draws=draws, seed=seed)
    common = {"name": name, "title": SET_NAMES[name], "films": len(features), "real": len(real)}
    if found is None:
        return common | {"result": None, "sentence": too_few(len(features), len(real))}
    return common | {"result": asdict(found) | {"beyond": found.beyond}, "sentence": _reading(found, item)}


def too_few(films: int, real: int) -> str:
    """Say why there is no number."""
    needed = next(count for count in range(FEWEST, 100 * FEWEST) if sample_size(count, 10**6) >= FEWEST)
    needed_real = next(count for count in range(FEWEST, 100 * FEWEST) if sample_size(10**6, count) >= FEWEST)
    return (
        f"Too few films to say anything: {films} of the set and {real} real malignant ones; "
        f"{needed} and {needed_real} are needed."
    )


def _reading(found: Comparison, item: Measure) -> str:
    verdict = (
        "Farther from real malignant films than these are from each other."
        if found.beyond
        else "No farther from real malignant films than these can be from each other."
    )
    return f"{verdict} {item.warning(found.sample)}".strip()


def standardise(sets: Mapping[str, Features], real: Features) -> tuple[dict[str, Features], Features]:
    """Bring features of different units to the real films' mean 0 and deviation 1; what never varies is left out."""
    mean, deviation = real.mean(axis=0), real.std(axis=0)
    varying = deviation > 1e-9 * np.maximum(1.0, np.abs(mean))
    scaled = {name: (features[:, varying] - mean[varying]) / deviation[varying] for name, features in sets.items()}
    return scaled, (real[:, varying] - mean[varying]) / deviation[varying]


def moved(sets: Mapping[str, Features], real: Features, names: Sequence[str]) -> list[dict[str, Any]]:
    """Which radiomic features tell accepted from real malignant films most, in deviations of the real ones."""
    accepted = sets.get("accepted")
    if accepted is None or min(len(accepted), len(real)) < 2:
        return []
    deviation = np.where(real.std(axis=0) > 1e-9, real.std(axis=0), np.nan)
    shifts = {key: (values.mean(axis=0) - real.mean(axis=0)) / deviation for key, values in sets.items()}
    order = np.argsort(-np.nan_to_num(np.abs(shifts["accepted"])))[:8]
    return [
        {"feature": names[place], **{key: float(np.nan_to_num(shift[place])) for key, shift in shifts.items()}}
        for place in order
    ]
