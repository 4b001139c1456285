"""The arms of an uplift: what each condition trains on, drawn by seed.

Every arm holds the same real films: all benign ones of the splits `train` and `generation`, and the first so many
malignant ones. What differs is one thing at a time: drawing the classes evenly (all arms but `real`), augmentation,
films added to the malignant class.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


class Arm(StrEnum):
    """What a condition trains on."""

    REAL = "real"
    """Real films, each as likely as any other."""
    OVERSAMPLED = "oversampled"
    """Real films, both classes evenly; so are all arms below."""
    AUGMENTED = "augmented"
    """The same with classical augmentation."""
    SYNTHETIC = "synthetic"
    """Oversampled, with synthetic films in the malignant class."""
    BOTH = "both"
    """Augmented, with synthetic films in the malignant class."""
    PLACEBO = "placebo"
    """Oversampled, with films of benign style in the malignant class."""


REAL_ARMS = (Arm.REAL, Arm.OVERSAMPLED, Arm.AUGMENTED)
SYNTHETIC_ARMS = (Arm.SYNTHETIC, Arm.BOTH)
AUGMENTED_ARMS = (Arm.AUGMENTED, Arm.BOTH)
WITHOUT_ADDED = {Arm.SYNTHETIC: Arm.OVERSAMPLED, Arm.BOTH: Arm.AUGMENTED}
"""The real arm that differs from a synthetic one by the added films alone."""


@dataclass(frozen=True, order=True)
class Condition:
    """An arm at an amount of real malignant films and of added ones."""

    amount: float
    """Per cent of the real malignant films."""
    ratio: float
    """Added films for each real malignant one; 0 in real arms."""
    arm: Arm

    @property
    def name(self) -> str:
        """As in names of files: "synthetic-0.5x-10"."""
        added = f"-{self.ratio:g}x" if self.ratio else ""
        return f"{self.arm}{added}-{self.amount:g}"


@dataclass(frozen=True)
class Films:
    """Which films there are to learn from, as indices into one table of them."""

    benign: Indices
    malignant: Indices
    """Real ones."""
    patients: NDArray[np.str_]
    """Of all films in the table."""
    first: frozenset[str]
    """Patients whose malignant films every amount takes before all others: those that styles come from."""
    synthetic: Indices
    styles: Mapping[int, str]
    """Patient of the style of synthetic films that no arm may hold without that patient; none for a control."""
    placebo: Indices
    held_back: bool = False
    """Whether the synthetic films are real malignant ones, which are there as long as no arm holds them as real."""


@dataclass(frozen=True)
class TrainingSet:
    """What one condition trains on with one seed."""

    benign: Indices
    malignant: Indices
    """Real ones."""
    added: Indices
    balanced: bool
    augmented: bool

    @property
    def films(self) -> Indices:
        """All films: benign, malignant, added."""
        return np.concatenate([self.benign, self.malignant, self.added])


def real_malignant(films: Films, amount: float, seed: int) -> Indices:
    """The real malignant films of an amount: whole patients in an order drawn by seed, until there are enough.

    A larger amount holds what a smaller one does. Patients that styles come from come first, so that a synthetic film
    seldom has to be left out because its style's patient is not among the real films.
    """
    order = np.random.default_rng([seed, 1])
    patients = order.permutation(np.unique(films.patients[films.malignant]))
    ordered = sorted(patients.tolist(), key=lambda patient: patient not in films.first)
    needed = math.ceil(amount / 100 * len(films.malignant) - 1e-9)
    chosen: list[int] = []
    for patient in ordered:
        if len(chosen) >= needed:
            break
        chosen += films.malignant[films.patients[films.malignant] == patient].tolist()
    return np.array(chosen, dtype=np.intp)


def _pool(films: Films, malignant: Indices) -> Indices:
    """Synthetic films that may join these real ones: none holds a patient that the real films do not."""
    there = set(films.patients[malignant].tolist())
    if films.held_back:
        return np.array([film for film in films.malignant if films.patients[film] not in there], dtype=np.intp)
    return np.array([film for film in films.synthetic if films.styles.get(int(film), "") in there | {""}], np.intp)


def added_films(films: Films, condition: Condition, seed: int) -> Indices | None:
    """Films that a condition adds; a larger ratio holds what a smaller one does. None where there are not enough."""
    malignant = real_malignant(films, condition.amount, seed)
    pool = films.placebo if condition.arm is Arm.PLACEBO else _pool(films, malignant)
    needed = round(condition.ratio * len(malignant))
    if not 0 < needed <= len(pool):
        return None
    return np.random.default_rng([seed, 2]).permutation(pool)[:needed]


def training_set(films: Films, condition: Condition, seed: int) -> TrainingSet:
    """What a condition trains on; raises ValueError where the films to be added are not there."""
    added: Indices | None = np.empty(0, dtype=np.intp)
    if condition.arm not in REAL_ARMS:
        added = added_films(films, condition, seed)
    if added is None:
        raise ValueError(f"{condition.name}: too few films to add")
    return TrainingSet(
        benign=films.benign,
        malignant=real_malignant(films, condition.amount, seed),
        added=added,
        balanced=condition.arm is not Arm.REAL,
        augmented=condition.arm in AUGMENTED_ARMS,
    )


@dataclass(frozen=True)
class LeftOut:
    """A condition that the run cannot supply."""

    condition: Condition
    needed: int
    found: int
    """Films that there were, with the seed that had fewest."""

    @property
    def sentence(self) -> str:
        """Say what is missing."""
        what = "placebo" if self.condition.arm is Arm.PLACEBO else "synthetic"
        return (
            f"{what} {self.condition.ratio:g}x at {self.condition.amount:g} %: "
            f"{self.needed} films needed, {self.found} there"
        )


def conditions(
    films: Films, *, amounts: Sequence[float], ratios: Sequence[float], seeds: Sequence[int]
) -> tuple[list[Condition], list[LeftOut]]:
    """All conditions that every seed can be given films for, and those that are left out."""
    chosen: list[Condition] = []
    left_out: list[LeftOut] = []
    for amount in amounts:
        chosen += [Condition(amount, 0.0, arm) for arm in REAL_ARMS]
        for ratio in ratios:
            for arm in (Arm.SYNTHETIC, Arm.BOTH, Arm.PLACEBO):
                condition = Condition(amount, ratio, arm)
                missing = _missing(films, condition, seeds)
                if missing is None:
                    chosen.append(condition)
                elif arm is not Arm.BOTH:
                    left_out.append(missing)
    return chosen, left_out


def _missing(films: Films, condition: Condition, seeds: Sequence[int]) -> LeftOut | None:
    short = []
    for seed in seeds:
        if added_films(films, condition, seed) is None:
            malignant = real_malignant(films, condition.amount, seed)
            pool = films.placebo if condition.arm is Arm.PLACEBO else _pool(films, malignant)
            short.append(LeftOut(condition, max(round(condition.ratio * len(malignant)), 1), len(pool)))
    return min(short, key=lambda missing: missing.found - missing.needed) if short else None
