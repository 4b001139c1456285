"""Shifts and agreement against hand-computed numbers and independent libraries."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from services.evaluator.judge.agreement import Judged, agreement, excess, kappa, shifts
from services.evaluator.judge.films import Group


def judged(content: str, group: Group = Group.ACCEPTED, **figures: Any) -> Judged:
    values: dict[str, Any] = {
        "gate_probability": 0.8,
        "gate_logit_shift": 1.0,
        "judge_probability": 0.6,
        "judge_probability_shift": 0.1,
        "judge_logit_shift": 0.5,
    }
    return Judged(group=group, pair=0, trial=1, content=content, **(values | figures))


def many(seed: int, count: int = 40) -> list[Judged]:
    generator = np.random.default_rng(seed)
    return [
        judged(
            f"content-{number % 13}",
            gate_probability=float(generator.random()),
            judge_probability=float(generator.random()),
            gate_logit_shift=float(generator.normal()),
            judge_logit_shift=float(generator.normal()),
        )
        for number in range(count)
    ]


def test_each_content_counts_once_however_many_films_it_gave() -> None:
    films = [judged("a", judge_logit_shift=1.0), judged("a", judge_logit_shift=3.0), judged("b", judge_logit_shift=8.0)]

    assert shifts(films)[Group.ACCEPTED].judge_logit.value == 5.0


def test_groups_without_films_are_left_out() -> None:
    assert list(shifts([judged("a", Group.PLACEBO_REJECTED)])) == [Group.PLACEBO_REJECTED]


def test_few_contents_get_no_interval() -> None:
    films = [judged(f"content-{number % 4}") for number in range(20)]

    assert shifts(films)[Group.ACCEPTED].judge_logit.low is None


def test_an_interval_over_contents_is_wider_than_one_over_their_films() -> None:
    generator = np.random.default_rng(0)
    levels = generator.normal(size=10)
    films = [judged(f"c{number % 10}", judge_logit_shift=float(levels[number % 10])) for number in range(1000)]

    estimate = shifts(films)[Group.ACCEPTED].judge_logit

    assert estimate.low is not None
    assert estimate.high is not None
    standard_error = levels.std() / math.sqrt(10)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * standard_error, rel=0.2)


def test_excess_is_the_groups_mean_less_the_placebos() -> None:
    films = [
        *(judged(f"c{number}", judge_logit_shift=2.0) for number in range(6)),
        *(judged(f"c{number}", Group.PLACEBO_ACCEPTED, judge_logit_shift=0.5) for number in range(3)),
    ]

    estimate = excess(films, "judge_logit_shift", group=Group.ACCEPTED, placebo=Group.PLACEBO_ACCEPTED)

    assert estimate is not None
    assert (estimate.value, estimate.low, estimate.high) == (1.5, 1.5, 1.5)


def test_excess_without_placebo_is_none() -> None:
    assert excess([judged("a")], "judge_logit_shift", group=Group.ACCEPTED, placebo=Group.PLACEBO_ACCEPTED) is None


def test_kappa_is_scikit_learns() -> None:
    films = many(1)
    gate = np.array([film.gate_probability >= 0.5 for film in films])
    judge = np.array([film.judge_probability >= 0.5 for film in films])

    assert kappa(gate, judge) == pytest.approx(cohen_kappa_score(gate, judge))
    assert agreement(films).kappa.value == pytest.approx(cohen_kappa_score(gate, judge))


def test_kappa_by_hand() -> None:
    one = np.array([True, True, True, False, False, False, False, False, False, False])
    other = np.array([True, True, False, True, False, False, False, False, False, False])

    # 8 of 10 agree; chance: 0.3 * 0.3 + 0.7 * 0.7 = 0.58
    assert kappa(one, other) == pytest.approx((0.8 - 0.58) / 0.42)


def test_kappa_is_no_number_where_both_always_say_the_same() -> None:
    assert math.isnan(kappa(np.array([True, True]), np.array([True, True])))


def test_rank_correlation_is_scipys() -> None:
    films = many(2)

    expected = spearmanr([film.gate_logit_shift for film in films], [film.judge_logit_shift for film in films])

    assert agreement(films).rank_correlation.value == pytest.approx(expected.statistic)


def test_the_same_films_give_the_same_intervals() -> None:
    assert agreement(many(3)) == agreement(many(3))
