from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.curator.split import SHARES, PatientFilm, split_patients
from shared.dataset import Label, Split
from shared.errors import DatasetError

LABELS = st.sets(st.sampled_from(list(Label)), min_size=1)
PATIENTS = st.lists(st.tuples(LABELS, st.sampled_from(["A", "B"])), min_size=60, max_size=160)


def films_of(patients: list[tuple[set[Label], str]]) -> list[PatientFilm]:
    return [
        PatientFilm(f"P{number:04d}", source, label)
        for number, (labels, source) in enumerate(patients)
        for label in sorted(labels)
    ]


def cohort(benign: int, malignant: int, both: int = 0, source: str = "A") -> list[PatientFilm]:
    kinds = [{Label.BENIGN}] * benign + [{Label.MALIGNANT}] * malignant + [set(Label)] * both
    return [
        PatientFilm(f"{source}{film.patient_id}", source, film.label)
        for film in films_of([(kind, source) for kind in kinds])
    ]


def enough(patients: list[tuple[set[Label], str]]) -> bool:
    counts = Counter(label for labels, _ in patients for label in labels)
    return all(counts[label] >= 12 for label in Label)


@settings(max_examples=60, deadline=None)
@given(patients=PATIENTS.filter(enough), seed=st.integers(0, 1000), test_share=st.sampled_from([0.0, 0.15, 0.3]))
def test_every_patient_is_in_one_split_and_every_split_has_both_labels(
    patients: list[tuple[set[Label], str]], seed: int, test_share: float
) -> None:
    films = films_of(patients)
    splits = split_patients(films, seed=seed, test_share=test_share)
    assert set(splits) == {film.patient_id for film in films}
    assert set(splits.values()) == set(Split) - ({Split.TEST} if test_share == 0 else set())
    for split in set(splits.values()):
        assert {film.label for film in films if splits[film.patient_id] == split} == set(Label)


@settings(max_examples=40, deadline=None)
@given(patients=PATIENTS.filter(enough), seed=st.integers(0, 1000))
def test_a_split_follows_from_the_seed_and_not_from_the_order_of_films(
    patients: list[tuple[set[Label], str]], seed: int
) -> None:
    films = films_of(patients)
    assert split_patients(films, seed=seed) == split_patients(list(reversed(films)), seed=seed)


@settings(max_examples=40, deadline=None)
@given(patients=PATIENTS.filter(enough), seed=st.integers(0, 1000))
def test_shares_hold_over_all_patients_and_nearly_in_each_stratum(
    patients: list[tuple[set[Label], str]], seed: int
) -> None:
    splits = split_patients(films_of(patients), seed=seed, test_share=0.15)
    shares = {Split.TEST: 0.15} | {split: 0.85 * share for split, share in SHARES.items()}
    counts = Counter(splits.values())
    for split, share in shares.items():
        assert abs(counts[split] - share * len(patients)) <= 2
    strata = Counter((source, frozenset(labels)) for labels, source in patients)
    dealt = Counter(
        (source, frozenset(labels), splits[f"P{number:04d}"]) for number, (labels, source) in enumerate(patients)
    )
    for (source, labels), total in strata.items():
        for split, share in shares.items():
            assert abs(dealt[source, labels, split] - share * total) <= 3


def test_another_seed_gives_another_split() -> None:
    films = cohort(40, 40)
    assert split_patients(films, seed=1) != split_patients(films, seed=2)


def test_without_a_test_split_all_patients_are_for_the_others() -> None:
    counts = Counter(split_patients(cohort(50, 50), seed=0, test_share=0).values())
    assert counts == {Split.TRAIN: 80, Split.VALIDATION: 10, Split.GENERATION: 10}


def test_patients_who_share_a_film_share_a_split() -> None:
    films = cohort(60, 60)
    patients = sorted({film.patient_id for film in films})
    together = [(patients[0], patients[70]), (patients[70], patients[100]), (patients[3], patients[4])]
    for seed in range(20):
        splits = split_patients(films, seed=seed, together=together)
        assert len({splits[patients[number]] for number in (0, 70, 100)}) == 1
        assert splits[patients[3]] == splits[patients[4]]


def test_a_rare_label_is_brought_into_every_split() -> None:
    films = cohort(100, 4)
    for seed in range(20):
        splits = split_patients(films, seed=seed)
        malignant = [splits[film.patient_id] for film in films if film.label is Label.MALIGNANT]
        assert sorted(malignant) == sorted(Split)


def test_four_patients_with_both_labels_are_just_enough() -> None:
    assert sorted(split_patients(cohort(0, 0, both=4), seed=0).values()) == sorted(Split)


@pytest.mark.parametrize(
    "films", [cohort(100, 3), cohort(3, 100), cohort(0, 0, both=3)], ids=["malignant", "benign", "patients"]
)
def test_too_few_patients_for_every_split_are_refused_by_name(films: list[PatientFilm]) -> None:
    with pytest.raises(DatasetError, match=r"split \w+: found no (benign|malignant) film .* more patients are needed"):
        split_patients(films, seed=0)


def official(patient: int, label: Label, *, source: str = "A", test: bool = False) -> PatientFilm:
    return PatientFilm(f"{source}{patient}", source, label, official_test=test)


def listed_cohort(source: str, *, tests: range) -> list[PatientFilm]:
    return [
        official(patient, label, source=source, test=patient in tests)
        for patient in range(60)
        for label in ([Label.BENIGN, Label.MALIGNANT][patient % 2],)
    ]


def test_an_official_test_side_is_the_test_split_and_the_other_sources_give_a_share() -> None:
    films = [*listed_cohort("A", tests=range(20, 31)), *listed_cohort("B", tests=range(0))]
    splits = split_patients(films, seed=1, test_share=0.15)
    test = {patient for patient, split in splits.items() if split is Split.TEST}
    assert {patient for patient in test if patient[0] == "A"} == {f"A{number}" for number in range(20, 31)}
    assert len([patient for patient in test if patient[0] == "B"]) == 9


def test_a_patient_on_both_sides_goes_to_test_with_all_who_share_a_film() -> None:
    films = [*listed_cohort("A", tests=range(10)), official(3, Label.MALIGNANT), official(30, Label.BENIGN)]
    splits = split_patients(films, seed=1, together=[("A30", "A5")])
    assert splits["A3"] is splits["A30"] is splits["A5"] is Split.TEST


def test_an_official_test_side_is_never_given_away() -> None:
    # All malignant films but four are on the test side, so the other splits lack some.
    films = [official(patient, Label.MALIGNANT, test=True) for patient in range(30)]
    films += [official(30 + patient, Label.MALIGNANT) for patient in range(3)]
    films += [official(40 + patient, Label.BENIGN, test=patient < 5) for patient in range(30)]
    splits = split_patients(films, seed=1)
    assert all((splits[film.patient_id] is Split.TEST) == film.official_test for film in films)
    for split in SHARES:
        assert {film.label for film in films if splits[film.patient_id] is split} == set(Label)


def test_an_official_list_stands_also_where_no_share_is_kept() -> None:
    splits = split_patients(listed_cohort("A", tests=range(10)), seed=1, test_share=0.0)
    assert sum(split is Split.TEST for split in splits.values()) == 10
