"""What the answers of readers come to. All but agreement with oneself is of first showings alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from services.evaluator.review.agreement import Agreement, Share, agreement, share
from services.evaluator.review.answers import Answer, Answers, Finding, Origin
from services.evaluator.review.study import Item, Kind, Study, StudyFilm
from shared.dataset import Label

QUESTIONS: dict[str, Callable[[Answer], Any]] = {
    "origin": lambda answer: answer.origin,
    "finding": lambda answer: answer.finding,
    "usable": lambda answer: answer.usable,
}
"""What is asked of each film, as it stands in the answers."""

GROUPS: dict[str, Callable[[StudyFilm], bool]] = {
    "accepted": lambda film: film.kind is Kind.ACCEPTED,
    "placebo": lambda film: film.kind is Kind.PLACEBO,
    "real benign": lambda film: film.label is Label.BENIGN,
    "real malignant": lambda film: film.label is Label.MALIGNANT,
}
"""The groups that answers are counted in."""


@dataclass(frozen=True, kw_only=True)
class ReaderScores:
    """What one reader said."""

    reader: str
    answered: int
    """Places where all three questions were answered."""
    items: int
    origin_accuracy: Share | None
    """Of all films: real ones called real, accepted and placebo films called synthetic."""
    finding_accuracy: Share | None
    """Of real films: their label was named."""
    called_synthetic: dict[str, Share | None]
    """By group."""
    called_malignant: dict[str, Share | None]
    called_usable: dict[str, Share | None]
    with_oneself: dict[str, Agreement | None]
    """By question: films that were shown twice."""


@dataclass(frozen=True, kw_only=True)
class BetweenReaders:
    """How two readers agree."""

    readers: tuple[str, str]
    agreements: dict[str, Agreement | None]
    """By question: films that both answered."""


def score_reader(answers: Answers, study: Study) -> ReaderScores:
    """Count what a reader said."""
    given = answers.by_item
    first = [(item.film, given[item.number]) for item in study.items if item.repeats is None and item.number in given]

    def by_group(said: Callable[[Answer], bool | None]) -> dict[str, Share | None]:
        return {
            name: share(_answered(said(answer) for film, answer in first if belongs(film)))
            for name, belongs in GROUPS.items()
        }

    return ReaderScores(
        reader=answers.reader,
        answered=sum(all(said(answer) is not None for said in QUESTIONS.values()) for answer in answers.answers),
        items=len(study.items),
        origin_accuracy=share(
            (answer.origin is Origin.REAL) == (film.kind is Kind.REAL) for film, answer in first if answer.origin
        ),
        finding_accuracy=share(
            str(answer.finding) == str(film.label) for film, answer in first if answer.finding and film.label
        ),
        called_synthetic=by_group(lambda answer: None if answer.origin is None else answer.origin is Origin.SYNTHETIC),
        called_malignant=by_group(
            lambda answer: None if answer.finding is None else answer.finding is Finding.MALIGNANT
        ),
        called_usable=by_group(lambda answer: answer.usable),
        with_oneself={
            name: agreement(
                _both(said, ((given.get(item.repeats or 0), given.get(item.number)) for item in _repeats(study)))
            )
            for name, said in QUESTIONS.items()
        },
    )


def score_between(everybody: Sequence[Answers], study: Study) -> list[BetweenReaders]:
    """Compare each two readers, at first showings."""
    numbers = [item.number for item in study.items if item.repeats is None]
    return [
        BetweenReaders(
            readers=(one.reader, other.reader),
            agreements={
                name: agreement(
                    _both(said, ((one.by_item.get(number), other.by_item.get(number)) for number in numbers))
                )
                for name, said in QUESTIONS.items()
            },
        )
        for one, other in combinations(everybody, 2)
    ]


def _repeats(study: Study) -> list[Item]:
    return [item for item in study.items if item.repeats is not None]


def _answered(said: Iterable[bool | None]) -> list[bool]:
    return [answer for answer in said if answer is not None]


def _both(said: Callable[[Answer], Any], pairs: Iterable[tuple[Answer | None, Answer | None]]) -> list[tuple[Any, Any]]:
    """What was said at both, where both were answered."""
    both = [(said(one), said(other)) for one, other in pairs if one is not None and other is not None]
    return [(one, other) for one, other in both if one is not None and other is not None]
