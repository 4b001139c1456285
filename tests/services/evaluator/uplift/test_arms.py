"""What each arm learns from."""

from dataclasses import replace

import numpy as np
import pytest

from services.evaluator.uplift.arms import (
    REAL_ARMS,
    Arm,
    Condition,
    Films,
    conditions,
    real_malignant,
    training_set,
)

SEEDS = range(3)


@pytest.fixture
def films() -> Films:
    """30 benign films of 15 patients, 40 malignant ones of 20 patients, 6 of them in generation, 12 synthetic films."""
    patients = [f"b{number // 2}" for number in range(30)] + [f"m{number // 2}" for number in range(40)]
    patients += [f"b{number}" for number in range(14)]
    styles = {70 + number: f"m{number % 6}" for number in range(12)}
    return Films(
        benign=np.arange(30),
        malignant=np.arange(30, 70),
        patients=np.array(patients),
        first=frozenset(f"m{number}" for number in range(6)),
        synthetic=np.arange(70, 82),
        styles=styles,
        placebo=np.arange(82, 84),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_amounts_are_whole_patients_and_a_larger_one_holds_a_smaller_one(films: Films, seed: int):
    smaller: set[int] = set()
    for amount in (5, 10, 25, 50, 100):
        chosen = real_malignant(films, amount, seed)
        patients = set(films.patients[chosen].tolist())
        assert amount / 100 * 40 <= len(chosen) < amount / 100 * 40 + 2
        assert sorted(chosen) == [film for film in films.malignant if films.patients[film] in patients]
        assert smaller <= set(chosen.tolist())
        smaller = set(chosen.tolist())
    assert smaller == set(films.malignant.tolist())


def test_seeds_draw_other_patients_and_those_of_styles_come_first(films: Films):
    drawn = {tuple(real_malignant(films, 10, seed)) for seed in range(10)}
    assert len(drawn) > 1
    assert all(set(films.patients[list(chosen)].tolist()) <= films.first for chosen in drawn)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_synthetic_arm_holds_a_patient_that_its_real_films_do_not(films: Films, seed: int):
    chosen = training_set(films, Condition(10, 1.0, Arm.SYNTHETIC), seed)
    real = set(films.patients[chosen.malignant].tolist())
    assert {films.styles[int(film)] for film in chosen.added} <= real
    assert len(chosen.added) == len(chosen.malignant) == 4


@pytest.mark.parametrize("arm", list(Arm))
def test_arms_differ_in_what_their_names_say_alone(films: Films, arm: Arm):
    plenty = replace(films, placebo=np.arange(70, 82))
    ratio = 0.0 if arm in REAL_ARMS else 0.5
    chosen = training_set(plenty, Condition(50, ratio, arm), 1)
    assert chosen.benign.tolist() == list(range(30))
    assert chosen.malignant.tolist() == real_malignant(films, 50, 1).tolist()
    assert chosen.balanced == (arm is not Arm.REAL)
    assert chosen.augmented == (arm in (Arm.AUGMENTED, Arm.BOTH))
    assert len(chosen.added) == (0 if arm in REAL_ARMS else 10)


def test_a_larger_ratio_holds_what_a_smaller_one_does(films: Films):
    less, more = (training_set(films, Condition(25, ratio, Arm.BOTH), 2).added for ratio in (0.5, 1.0))
    assert more[: len(less)].tolist() == less.tolist()


def test_what_the_run_cannot_supply_is_named_and_left_out(films: Films):
    chosen, left_out = conditions(films, amounts=(10, 50), ratios=(0.5, 1.0, 2.0), seeds=SEEDS)
    names = [condition.name for condition in chosen]
    assert "synthetic-0.5x-50" in names
    assert "both-1x-50" not in names
    assert "placebo-0.5x-10" in names
    assert [missing.sentence for missing in left_out] == [
        "placebo 1x at 10 %: 4 films needed, 2 there",
        "synthetic 2x at 10 %: 8 films needed, 4 there",
        "placebo 2x at 10 %: 8 films needed, 2 there",
        "placebo 0.5x at 50 %: 10 films needed, 2 there",
        "synthetic 1x at 50 %: 20 films needed, 12 there",
        "placebo 1x at 50 %: 20 films needed, 2 there",
        "synthetic 2x at 50 %: 40 films needed, 12 there",
        "placebo 2x at 50 %: 40 films needed, 2 there",
    ]


def test_a_control_of_held_back_films_adds_malignant_films_of_other_patients(films: Films):
    held_back = replace(films, synthetic=np.empty(0, np.intp), styles={}, held_back=True)
    chosen = training_set(held_back, Condition(10, 2.0, Arm.SYNTHETIC), 0)
    assert set(chosen.added.tolist()) <= set(films.malignant.tolist())
    real, added = (set(films.patients[part].tolist()) for part in (chosen.malignant, chosen.added))
    assert not real & added
    _, left_out = conditions(held_back, amounts=(100,), ratios=(1.0,), seeds=SEEDS)
    assert left_out[0].sentence == "synthetic 1x at 100 %: 40 films needed, 0 there"
