"""Splits films by patient: test, train, validation and generation."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from shared.dataset import Label, Split
from shared.errors import DatasetError

# Of what `test` leaves.
SHARES = {Split.TRAIN: 0.8, Split.VALIDATION: 0.1, Split.GENERATION: 0.1}


@dataclass(frozen=True)
class PatientFilm:
    """What the split must know of one film."""

    patient_id: str
    source: str
    label: Label
    official_test: bool = False
    """Whether the source's own split has the film on its test side."""


@dataclass(frozen=True)
class _Group:
    """Patients who must stay together, mostly one."""

    patients: tuple[str, ...]
    sources: frozenset[str]
    labels: frozenset[Label]
    official_test: bool = False

    @property
    def stratum(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(sorted(self.sources)), tuple(sorted(self.labels))


def split_patients(
    films: Iterable[PatientFilm],
    *,
    seed: int,
    test_share: float = 0.15,
    together: Iterable[tuple[str, str]] = (),
) -> dict[str, Split]:
    """Give each patient a split, stratified by source and labels (benign, malignant or both).

    Patients with a film on the official test side of their source become `test`, and nobody else of that source does;
    of the other sources `test_share` of the patients do. Then the rest are split by `SHARES`. In each stratum the
    numbers are within two patients of the shares. Then patients are exchanged where a split would lack one of the
    labels, those of an official test side never.

    Args:
        films: all films, in any order.
        seed: equal seeds give equal splits.
        test_share: share of the patients that only evaluation sees, 0 to below 1; 0 means no test split.
        together: pairs of patients who share a film.

    Raises:
        DatasetError: if a split would have no film of one of the labels.

    """
    groups = _group(films, together)
    generator = np.random.default_rng((seed, len("split")))
    official = [group for group in groups if group.official_test]
    listed = frozenset(source for group in official for source in group.sources)
    rest = [group for group in groups if not group.official_test and group.sources & listed]
    open_to_test = [group for group in groups if not group.sources & listed]
    assigned: dict[Split, list[_Group]] = {split: [] for split in SHARES}
    if official:
        assigned[Split.TEST] = official
    if test_share > 0:
        drawn = _draw(open_to_test, {Split.TRAIN: 1 - test_share, Split.TEST: test_share}, generator)
        rest, assigned[Split.TEST] = [*rest, *drawn[Split.TRAIN]], [*official, *drawn[Split.TEST]]
    else:
        rest = [*rest, *open_to_test]
    assigned |= _draw(rest, SHARES, generator)
    _exchange(assigned)
    return {patient: split for split, members in assigned.items() for group in members for patient in group.patients}


def _group(films: Iterable[PatientFilm], together: Iterable[tuple[str, str]]) -> list[_Group]:
    leader: dict[str, str] = {}

    def lead(patient: str) -> str:
        while leader.setdefault(patient, patient) != patient:
            patient = leader[patient]
        return patient

    for first, second in together:
        low, high = sorted((lead(first), lead(second)))
        leader[high] = low
    members: dict[str, list[PatientFilm]] = {}
    for film in films:
        members.setdefault(lead(film.patient_id), []).append(film)
    return [
        _Group(
            patients=tuple(sorted({film.patient_id for film in own})),
            sources=frozenset(film.source for film in own),
            labels=frozenset(film.label for film in own),
            official_test=any(film.official_test for film in own),
        )
        for _, own in sorted(members.items())
    ]


def _draw(
    groups: list[_Group], shares: Mapping[Split, float], generator: np.random.Generator
) -> dict[Split, list[_Group]]:
    """Deal groups out, stratum by stratum in random order, each to the split that is furthest behind its share."""
    drawn: dict[Split, list[_Group]] = {split: [] for split in shares}
    strata: dict[tuple[tuple[str, ...], tuple[str, ...]], list[_Group]] = {}
    for group in groups:
        strata.setdefault(group.stratum, []).append(group)
    dealt = 0
    for _, members in sorted(strata.items()):
        for index in generator.permutation(len(members)).tolist():
            dealt += 1
            behind = {split: share * dealt - len(drawn[split]) for split, share in shares.items()}
            drawn[max(behind, key=lambda split: behind[split])].append(members[index])
    return drawn


def _exchange(assigned: dict[Split, list[_Group]]) -> None:
    """Let every split have both labels, by exchanging as few groups as possible."""
    for split, members in assigned.items():
        for label in Label:
            if not _count(members)[label]:
                _fetch(assigned, split, label)
    for split, members in assigned.items():
        for label in Label:
            if not _count(members)[label]:
                patients = sum(len(group.patients) for group in members)
                raise DatasetError(
                    f"split {split}: found no {label} film among its {patients} patients, needed both classes in "
                    "each split; more patients are needed, or no test split"
                )


def _count(groups: list[_Group]) -> Counter[Label]:
    return Counter(label for group in groups for label in group.labels)


def _fetch(assigned: dict[Split, list[_Group]], split: Split, label: Label) -> None:
    """Bring a group with `label` into `split`, giving one back where the split can spare it."""
    taker = assigned[split]
    donors = sorted((other for other in assigned if other is not split), key=lambda other: -len(assigned[other]))
    for other in donors:
        donor = assigned[other]
        # Groups with both labels are taken last: they serve any split.
        free = [group for group in donor if label in group.labels and not group.official_test]
        for wanted in sorted(free, key=lambda group: len(group.labels)):
            left = [group for group in donor if group is not wanted]
            for given in [*(group for group in taker if not group.official_test), None]:
                new_donor = left if given is None else [*left, given]
                new_taker = [*(group for group in taker if group is not given), wanted]
                missing_before = len(set(Label) - set(_count(taker)))
                if len(_count(new_donor)) < len(_count(donor)) or len(set(Label) - set(_count(new_taker))) >= (
                    missing_before
                ):
                    continue
                assigned[other], assigned[split] = new_donor, new_taker
                return
