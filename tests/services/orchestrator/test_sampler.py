"""Pairs are a pure function of seed, number, films and rules."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.orchestrator.policy import Pairing
from services.orchestrator.sampler import Pair, PlaceboSampler, Sampler
from shared.dataset import Film, Label, Split
from shared.errors import DatasetError, InvalidInputError
from tests.services.orchestrator.made import cohort, film

PAIRINGS = st.builds(
    Pairing,
    content=st.sampled_from(("uniform", "shuffled")),
    style=st.sampled_from(("uniform", "same_source_and_view")),
    style_use_limit=st.none() | st.integers(1, 5),
)
SEEDS = st.integers(0, 2**32)


@st.composite
def cohorts(draw: Any) -> list[Film]:
    """Films of few patients, sources and views, so that rules often leave something out."""
    films = []
    for number in range(draw(st.integers(2, 12))):
        patient = draw(st.integers(0, 4))
        films.append(
            film(
                f"f{number:02d}",
                draw(st.sampled_from(list(Label))),
                f"p{patient}",
                source=draw(st.sampled_from(("a", "b"))),
                view=draw(st.sampled_from(("CC", "MLO"))),
                split=Split.GENERATION if patient < 4 else draw(st.sampled_from(list(Split))),
            )
        )
    return films


def drawn(films: list[Film], pairing: Pairing, seed: int, count: int) -> list[Pair]:
    """The first pairs, as many as the films and the use limit allow."""
    pairs = []
    try:
        sampler = Sampler(films, pairing, seed=seed)
        pairs.extend(sampler.pair(index) for index in range(count))
    except DatasetError:
        assume(False)
    except InvalidInputError:
        assert pairing.style_use_limit is not None
    return pairs


@given(films=cohorts(), pairing=PAIRINGS, seed=SEEDS, order=st.randoms(use_true_random=False))
def test_a_pair_does_not_depend_on_the_order_of_asking_nor_of_the_films(
    films: list[Film], pairing: Pairing, seed: int, order: random.Random
) -> None:
    pairs = drawn(films, pairing, seed, 20)
    mixed = list(films)
    order.shuffle(mixed)
    again = Sampler(mixed, pairing, seed=seed)
    for pair in order.sample(pairs, len(pairs)):
        assert again.pair(pair.index) == pair
        assert again.pair(pair.index) == pair


@given(films=cohorts(), pairing=PAIRINGS, seed=SEEDS)
def test_a_pair_joins_two_patients_a_benign_and_a_malignant_film_of_the_generation_split(
    films: list[Film], pairing: Pairing, seed: int
) -> None:
    for index, pair in enumerate(drawn(films, pairing, seed, 20)):
        assert pair.index == index
        assert pair.content.patient_id != pair.style.patient_id
        assert (pair.content.label, pair.style.label) == (Label.BENIGN, Label.MALIGNANT)
        assert pair.content.split == pair.style.split == Split.GENERATION
        if pairing.style == "same_source_and_view":
            assert (pair.content.source, pair.content.view) == (pair.style.source, pair.style.view)


@given(films=cohorts(), pairing=PAIRINGS, seed=SEEDS)
def test_no_style_serves_more_pairs_than_the_limit(films: list[Film], pairing: Pairing, seed: int) -> None:
    uses = Counter(pair.style.image_id for pair in drawn(films, pairing, seed, 20))
    assert max(uses.values(), default=0) <= (pairing.style_use_limit or 20)


@given(benign=st.integers(1, 6), malignant=st.integers(1, 4), seed=SEEDS)
def test_shuffled_contents_come_once_each_before_one_comes_again(benign: int, malignant: int, seed: int) -> None:
    pairs = drawn(cohort(benign, malignant), Pairing(content="shuffled"), seed, 3 * benign)
    for start in range(0, 3 * benign, benign):
        assert len({pair.content.image_id for pair in pairs[start : start + benign]}) == benign


def test_every_pass_of_shuffled_contents_has_an_order_of_its_own() -> None:
    pairs = drawn(cohort(12, 3), Pairing(content="shuffled"), 5, 36)
    orders = {tuple(pair.content.image_id for pair in pairs[start : start + 12]) for start in (0, 12, 24)}
    assert len(orders) == 3


def test_another_seed_draws_other_pairs() -> None:
    films = cohort(6, 6)
    assert drawn(films, Pairing(), 0, 10) != drawn(films, Pairing(), 1, 10)


def test_contents_and_styles_are_drawn_alike_often_and_apart_from_each_other() -> None:
    counted = Counter((pair.content.image_id, pair.style.image_id) for pair in drawn(cohort(4, 4), Pairing(), 11, 3200))
    assert len(counted) == 16
    # 200 of each are expected; the standard deviation of a count is below 14.
    assert all(140 <= count <= 260 for count in counted.values())


def test_a_use_limit_ends_the_pairs_with_a_clear_error_and_keeps_those_before() -> None:
    sampler = Sampler(cohort(3, 2), Pairing(style_use_limit=2), seed=1)
    with pytest.raises(InvalidInputError, match=r"pair 4 finds no style left: each may be used 2 times.*at most 4"):
        sampler.pair(9)
    assert Counter(sampler.pair(index).style.image_id for index in range(4)) == {"m0": 2, "m1": 2}


def test_benign_films_without_a_style_are_left_out_and_counted() -> None:
    films = [
        film("b0", Label.BENIGN, view="CC"),
        film("b1", Label.BENIGN, view="MLO"),
        film("b2", Label.BENIGN, view="CC", source="clinic"),
        film("b3", Label.BENIGN, "p-m0", view="CC"),
        film("m0", Label.MALIGNANT, view="CC"),
    ]
    sampler = Sampler(films, Pairing(style="same_source_and_view"), seed=0)
    assert sampler.left_out == 3
    assert {sampler.pair(index).content.image_id for index in range(10)} == {"b0"}
    assert Sampler(films, Pairing(), seed=0).left_out == 1


EMPTY = {
    "no malignant film": (cohort(2, 0), "no malignant film"),
    "no benign film": (cohort(0, 2), "no benign film"),
    "malignant films of other splits only": (
        [*cohort(2, 0), film("m0", Label.MALIGNANT, split=Split.TRAIN)],
        "no malignant film",
    ),
    "one patient only": (
        [film("b0", Label.BENIGN, "p"), film("m0", Label.MALIGNANT, "p")],
        "1 benign and 1 malignant films, of which none may be paired",
    ),
}


@pytest.mark.parametrize(("films", "told"), EMPTY.values(), ids=EMPTY.keys())
def test_a_data_set_without_a_pair_is_refused(films: list[Film], told: str) -> None:
    with pytest.raises(DatasetError, match=f"split generation: found {told}"):
        Sampler(films, Pairing(), seed=0)


@given(films=cohorts(), pairing=PAIRINGS, seed=SEEDS)
def test_a_twin_shares_the_content_and_takes_a_benign_style_of_another_patient_by_the_same_rules(
    films: list[Film], pairing: Pairing, seed: int
) -> None:
    pairs = drawn(films, pairing, seed, 10)
    twins = PlaceboSampler(films, pairing, seed=seed, pairs=Sampler(films, pairing, seed=seed))
    for pair in reversed(pairs):
        if not twins.has(pair.index):
            with pytest.raises(InvalidInputError, match="no benign style"):
                twins.pair(pair.index)
            continue
        twin = twins.pair(pair.index)
        assert (twin.index, twin.content, twin.placebo, pair.placebo) == (pair.index, pair.content, True, False)
        assert (twin.style.label, twin.style.split) == (Label.BENIGN, Split.GENERATION)
        assert twin.style.patient_id != twin.content.patient_id
        if pairing.style == "same_source_and_view":
            assert (twin.style.source, twin.style.view) == (twin.content.source, twin.content.view)
