"""The order of films, and which come twice."""

import pytest

from services.evaluator.review.arrangement import arrange
from services.evaluator.review.study import Kind, StudyFilm


def films(count: int) -> list[StudyFilm]:
    return [
        StudyFilm(kind=list(Kind)[number % 3], name=str(number), sha256=str(number), patient=str(number))
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "repeats", "expected"), [(1, 5, 1), (2, 5, 1), (7, 2, 2), (30, 10, 10), (30, 99, 15)]
)
def test_films_come_once_and_some_again(count: int, repeats: int, expected: int) -> None:
    items = arrange(films(count), repeats=repeats, secret=b"0")

    assert [item.number for item in items] == list(range(1, count + expected + 1))
    first = [item for item in items if item.repeats is None]
    assert sorted(int(item.film.name) for item in first) == list(range(count))
    by_number = {item.number: item for item in items}
    again = [item for item in items if item.repeats is not None]
    assert len({item.repeats for item in again}) == expected
    for item in again:
        assert item.repeats is not None
        assert by_number[item.repeats].film == item.film
        assert item.number - item.repeats > count // 3


def test_a_group_stands_anywhere() -> None:
    places = [
        item.number
        for seed in range(200)
        for item in arrange(films(12), repeats=0, secret=bytes([seed]))
        if item.film.kind is Kind.REAL
    ]

    # 800 places of mean 6.5 and deviation 3.45: their mean has 0.12.
    assert abs(sum(places) / len(places) - 6.5) < 0.4
    assert set(places) == set(range(1, 13))
