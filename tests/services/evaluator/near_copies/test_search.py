import numpy as np
import pytest

from services.evaluator.near_copies.fingerprints import stack
from services.evaluator.near_copies.search import (
    STRICT,
    Neighbours,
    Output,
    RealFilms,
    between_patients,
    copy_bound,
    search,
)
from shared.images import Film
from tests.services.evaluator.near_copies.test_fingerprints import film


def real(count: int) -> RealFilms:
    return RealFilms(
        tuple(f"film-{number}" for number in range(count)),
        tuple(f"patient-{number // 2}" for number in range(count)),
        stack(film(number) for number in range(count)),
    )


def searched(output: Film, *, change: float = 0.02, count: int = 8) -> Neighbours:
    described = Output(pair=3, content="film-0", style="film-5", change=change)
    return search([described], stack([output]), real(count), bound=STRICT, smallest_change=1 / 255)[0]


def mixed(one: int, other: int, share: float) -> Film:
    return ((1 - share) * film(one) + share * film(other)).astype(np.float32)


def test_an_output_near_its_content_alone_is_no_copy() -> None:
    found = searched(mixed(0, 99, 0.2))
    assert not found.copied
    assert not found.unchanged
    assert found.content_distance is not None
    assert found.content_distance < 0.1 < found.nearest_distance
    assert found.nearest != "film-0"


@pytest.mark.parametrize(("taken", "nearest"), [(3, "film-3"), (5, "film-5")], ids=["a stranger", "its style"])
def test_an_output_that_is_another_real_film_is_a_copy(taken: int, nearest: str) -> None:
    found = searched(film(taken))
    assert (found.copied, found.nearest) == (True, nearest)
    assert found.nearest_distance == pytest.approx(0.0, abs=1e-5)
    assert found.nearest_patient == f"patient-{taken // 2}"
    assert (found.style_distance == pytest.approx(0.0, abs=1e-5)) == (taken == 5)


def test_an_output_that_hardly_changed_is_told() -> None:
    assert searched(film(0), change=0.003).unchanged
    assert not searched(film(0), change=0.004).unchanged


def test_a_content_that_is_not_there_has_no_distance() -> None:
    described = Output(pair=0, content="gone", style="gone", change=0.1)
    found = search([described], stack([film(0)]), real(2), bound=STRICT, smallest_change=0.0)[0]
    assert (found.content_distance, found.style_distance, found.copied) == (None, None, True)


def test_without_another_real_film_nothing_is_near() -> None:
    found = searched(film(0), count=1)
    assert (found.nearest, found.copied) == ("", False)
    assert found.nearest_distance == float("inf")


def test_distances_between_real_films_leave_their_own_patient_out() -> None:
    films = RealFilms(("a", "b", "c"), ("p", "p", "q"), stack([film(1), film(1), film(2)]))
    nearest = between_patients(films)
    assert nearest.min() > 0.5
    assert between_patients(RealFilms(("a", "b"), ("p", "p"), stack([film(1), film(2)]))).tolist() == [np.inf, np.inf]


def test_the_bound_is_half_of_what_lies_between_the_nearest_patients() -> None:
    assert copy_bound(np.linspace(0.4, 0.8, 101)) == pytest.approx(0.404 / 2)
    assert copy_bound(np.full(19, 0.6)) == STRICT
    assert copy_bound(np.full(100, 0.02)) == STRICT
    assert copy_bound(np.array([np.inf] * 100)) == STRICT
