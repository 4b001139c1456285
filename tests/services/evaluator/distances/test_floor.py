from collections.abc import Sequence

import numpy as np
import pytest

from services.evaluator.distances.floor import FEWEST, Comparison, compare, sample_size
from services.evaluator.distances.frechet import Features, frechet_distance


def films(seed: int, count: int, *, shift: float = 0.0) -> Features:
    return np.random.default_rng(seed).normal(loc=shift, size=(count, 6))


def patients(count: int, each: int = 2) -> list[str]:
    return [f"patient-{place // each}" for place in range(count)]


def compared(features: Features, real: Features, names: Sequence[str], draws: int = 40) -> Comparison | None:
    return compare(features, real, names, frechet_distance, draws=draws, seed=0)


def test_a_set_of_the_same_kind_lies_at_the_floor() -> None:
    found = compared(films(1, 60), films(2, 120), patients(120))
    assert found is not None
    assert not found.beyond
    assert found.distance.mean == pytest.approx(found.floor.mean, rel=0.5)
    assert found.distance.low < found.distance.mean < found.distance.high
    assert (found.films, found.real, found.sample, found.draws) == (60, 120, 48, 40)


def test_a_set_of_another_kind_lies_beyond_it() -> None:
    found = compared(films(1, 60, shift=1.0), films(2, 120), patients(120))
    assert found is not None
    assert found.beyond
    assert found.distance.mean > 4 * found.floor.mean
    assert found.whole == frechet_distance(films(1, 60, shift=1.0), films(2, 120))


def test_either_side_of_a_draw_holds_as_many_films_and_no_patient_of_the_other() -> None:
    real = films(2, 120)
    owner = {tuple(row): name for row, name in zip(real.tolist(), patients(120), strict=True)}
    seen: list[tuple[int, set[str]]] = []

    def watched(first: Features, second: Features) -> float:
        seen.append((len(first), {owner.get(tuple(row), "") for row in first.tolist()}))
        seen.append((len(second), {owner.get(tuple(row), "") for row in second.tolist()}))
        return 0.0

    compare(films(1, 60), real, patients(120), watched, draws=5, seed=0)
    draws = seen[:-2]
    assert {size for size, _ in draws} == {48}
    floors = [(draws[at][1], draws[at + 1][1]) for at in range(2, len(draws), 4)]
    assert len(floors) == 5
    assert all(one and other and not one & other for one, other in floors)
    assert len({frozenset(one) for one, _ in floors}) == 5


@pytest.mark.parametrize(("count", "real"), [(24, 200), (200, 48), (0, 0)], ids=["of the set", "real ones", "none"])
def test_too_few_films_give_no_number(count: int, real: int) -> None:
    assert sample_size(count, real) < FEWEST
    assert compared(films(1, count), films(2, real), patients(real)) is None
    assert sample_size(25, 50) == FEWEST
    assert compared(films(1, 25), films(2, 50), patients(50)) is not None


def test_one_patient_with_most_films_gives_no_number() -> None:
    assert compared(films(1, 60), films(2, 60), ["one"] * 55 + ["other"] * 5) is None


def test_the_same_seed_gives_the_same_numbers() -> None:
    arguments = (films(1, 60), films(2, 120), patients(120))
    assert compared(*arguments, draws=5) == compared(*arguments, draws=5)
