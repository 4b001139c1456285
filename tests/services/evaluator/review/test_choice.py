"""Which films a study shows."""

from collections import Counter

from services.evaluator.review.choice import Candidate, choose_real, choose_synthetic, same_breasts
from services.evaluator.review.study import Kind, StudyFilm
from shared.dataset import Label


def made(pair: int, patient: str, kind: Kind = Kind.ACCEPTED, style: str = "style", source: str = "a") -> Candidate:
    return Candidate(StudyFilm(kind=kind, name=str(pair), sha256="0", patient=patient), source, "CC", style)


def real(name: str, patient: str, label: Label, source: str = "a") -> Candidate:
    return Candidate(StudyFilm(kind=Kind.REAL, name=name, label=label, sha256="0", patient=patient), source, "CC")


def names(chosen: list[Candidate]) -> set[str]:
    return {one.film.name for one in chosen}


def test_each_content_is_shown_once_as_long_as_there_are_others() -> None:
    candidates = [made(pair, f"patient-{pair // 3}") for pair in range(12)]

    chosen = choose_synthetic(candidates, 4, shown=Counter(), secret=b"0")

    assert len({one.film.patient for one in chosen}) == 4
    assert same_breasts(chosen) == 0
    assert same_breasts(choose_synthetic(candidates, 6, shown=Counter(), secret=b"0")) == 4


def test_a_twin_is_taken_of_a_content_that_is_not_shown() -> None:
    shown: Counter[str] = Counter()
    choose_synthetic([made(0, "patient-0")], 1, shown=shown, secret=b"0")
    twins = [made(pair, f"patient-{pair}", Kind.PLACEBO) for pair in range(2)]

    assert names(choose_synthetic(twins, 1, shown=shown, secret=b"0")) == {"1"}


def test_real_films_are_of_patients_behind_no_synthetic_film() -> None:
    beside = [made(0, "content", style="style")]
    candidates = [
        real(name, name, label)
        for name, label in (
            ("content", Label.BENIGN),
            ("style", Label.MALIGNANT),
            ("x", Label.BENIGN),
            ("y", Label.MALIGNANT),
        )
    ]

    assert names(choose_real(candidates, 4, beside=beside, secret=b"0")) == {"x", "y"}


def test_real_films_are_benign_and_malignant_by_halves_and_of_the_synthetic_ones_sources() -> None:
    beside = [made(pair, f"content-{pair}", source="ab"[pair % 2]) for pair in range(4)]
    candidates = [
        real(f"{label}-{source}-{number}", f"{label}-{source}-{number}", label, source)
        for label in Label
        for source in "abc"
        for number in range(5)
    ]

    chosen = choose_real(candidates, 8, beside=beside, secret=b"0")

    assert Counter(one.film.label for one in chosen) == {Label.BENIGN: 4, Label.MALIGNANT: 4}
    assert Counter(one.source for one in chosen) == {"a": 4, "b": 4}


def test_another_seed_takes_others() -> None:
    candidates = [made(pair, f"patient-{pair}") for pair in range(40)]
    draws = [names(choose_synthetic(candidates, 5, shown=Counter(), secret=bytes([seed]))) for seed in range(3)]

    assert draws[0] != draws[1] != draws[2]
    assert draws[0] == names(choose_synthetic(candidates, 5, shown=Counter(), secret=bytes([0])))
