"""Scores of answers that were made up, counted by hand."""

from pathlib import Path

import pytest

from services.evaluator.review.answers import Answers, read_answers
from services.evaluator.review.scores import score_between, score_reader
from services.evaluator.review.study import Item, Kind, Study, StudyFilm
from shared.dataset import Label
from tests.services.evaluator.review.made import answer_file

GROUPS = (
    (Kind.ACCEPTED, None),
    (Kind.ACCEPTED, None),
    (Kind.PLACEBO, None),
    (Kind.REAL, Label.BENIGN),
    (Kind.REAL, Label.MALIGNANT),
    (Kind.REAL, Label.MALIGNANT),
)


@pytest.fixture
def study() -> Study:
    films = [
        StudyFilm(kind=kind, name=str(number), label=label, sha256="0", patient=str(number))
        for number, (kind, label) in enumerate(GROUPS, start=1)
    ]
    items = [Item(number=number, film=film) for number, film in enumerate(films, start=1)]
    again = [Item(number=7, film=films[0], repeats=1), Item(number=8, film=films[3], repeats=4)]
    return Study(study="0123456789ab", seed=0, version="0", items=(*items, *again))


def read(study: Study, tmp_path: Path, reader: str, origin: str, finding: str = "", usable: str = "") -> Answers:
    """One letter a place: r or s, b or m, y or n; a dot where nothing is said."""
    said = {
        "origin": {"r": "real", "s": "synthetic"},
        "finding": {"b": "benign", "m": "malignant"},
        "usable": {"y": True, "n": False},
    }
    given = {
        question: {place: said[question][letter] for place, letter in enumerate(letters, start=1) if letter != "."}
        for question, letters in (("origin", origin), ("finding", finding), ("usable", usable))
    }
    (answers,) = read_answers([answer_file(study, tmp_path / f"{reader}.json", reader, **given)])
    return answers


def test_a_reader_is_scored_at_first_showings(study: Study, tmp_path: Path) -> None:
    scores = score_reader(read(study, tmp_path, "AB", "srsrsrrr", "mbbbmbmm", "ynyyyyyy"), study)

    accuracy = scores.origin_accuracy
    assert accuracy is not None
    assert (accuracy.count, accuracy.of) == (4, 6)  # 1, 3, 4 and 6 are right; 7 and 8 do not count
    assert scores.finding_accuracy is not None
    assert (scores.finding_accuracy.count, scores.finding_accuracy.of) == (2, 3)  # of 4, 5, 6
    counted = {
        name: [(group.count, group.of) for group in found.values() if group is not None]
        for name, found in (
            ("synthetic", scores.called_synthetic),
            ("malignant", scores.called_malignant),
            ("usable", scores.called_usable),
        )
    }
    assert counted == {
        "synthetic": [(1, 2), (1, 1), (0, 1), (1, 2)],
        "malignant": [(1, 2), (0, 1), (0, 1), (1, 2)],
        "usable": [(1, 2), (1, 1), (1, 1), (2, 2)],
    }
    assert (scores.answered, scores.items) == (8, 8)


def test_agreement_with_oneself_is_of_films_shown_twice(study: Study, tmp_path: Path) -> None:
    scores = score_reader(read(study, tmp_path, "AB", "srsrsrrr", "mbbb..m.", "........"), study)

    origin, finding = scores.with_oneself["origin"], scores.with_oneself["finding"]
    assert origin is not None
    assert (origin.films, origin.agreed.count, origin.kappa) == (2, 1, 0.0)  # 1 said s and r, 4 r and r
    assert finding is not None
    assert (finding.films, finding.agreed.count, finding.kappa) == (1, 1, None)
    assert scores.with_oneself["usable"] is None
    assert scores.answered == 0


def test_readers_are_compared_at_films_that_both_answered(study: Study, tmp_path: Path) -> None:
    one = read(study, tmp_path, "AB", "ssssrrrr")
    other = read(study, tmp_path, "CD", "ssrsr.ss")

    (between,) = score_between([one, other], study)

    found = between.agreements["origin"]
    assert between.readers == ("AB", "CD")
    assert found is not None
    # Five films: 4 of 5 agree; expected (4/5 * 3/5 + 1/5 * 2/5) = 0.56; kappa (0.8 - 0.56) / 0.44.
    assert (found.films, found.agreed.count) == (5, 4)
    assert found.kappa == pytest.approx(0.24 / 0.44)
    assert between.agreements["usable"] is None


def test_a_reader_who_answered_nothing_has_no_scores(study: Study, tmp_path: Path) -> None:
    scores = score_reader(read(study, tmp_path, "AB", "........"), study)

    assert scores.answered == 0
    assert scores.origin_accuracy is None
    assert set(scores.called_usable.values()) == {None}
