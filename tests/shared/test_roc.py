import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from shared.roc import area_under_curve, bootstrap_area


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40).filter(
        lambda films: len({label for label, _ in films}) == 2
    )
)
def test_area_equals_scikit_learns_ties_included(films: list[tuple[bool, int]]):
    labels = np.array([label for label, _ in films])
    scores = np.array([score for _, score in films], dtype=float)
    assert area_under_curve(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_area_of_one_class_is_refused():
    with pytest.raises(ValueError, match="needs both classes"):
        area_under_curve(np.array([True, True]), np.array([0.1, 0.2]))


def test_bootstrap_draws_whole_patients_and_agrees_with_scikit_learn():
    generator = np.random.default_rng(3)
    patients = np.repeat([f"p{i}" for i in range(12)], 3)
    labels = np.repeat(generator.random(12) < 0.5, 3)
    scores = labels + generator.normal(size=36)
    draws = 50
    expected = []
    times_drawn = np.random.default_rng(7).multinomial(12, np.full(12, 1 / 12), size=draws)
    names = np.unique(patients)
    for times in times_drawn:
        films = [
            film
            for name, count in zip(names, times, strict=True)
            for _ in range(count)
            for film in np.flatnonzero(patients == name)
        ]
        if len(set(labels[films])) == 2:
            expected.append(roc_auc_score(labels[films], scores[films]))
    interval = bootstrap_area(labels, scores, patients, seed=7, draws=draws)
    low, high = np.quantile(expected, [0.025, 0.975])
    assert interval.low == pytest.approx(low, abs=1e-12)
    assert interval.high == pytest.approx(high, abs=1e-12)


def test_interval_is_wider_when_films_of_a_patient_repeat_each_other():
    generator = np.random.default_rng(0)
    labels = np.arange(40) % 2 == 0
    scores = labels + generator.normal(size=40)
    patients = np.array([f"p{i}" for i in range(40)])
    alone = bootstrap_area(labels, scores, patients, seed=1)
    repeated = bootstrap_area(np.repeat(labels, 4), np.repeat(scores, 4), np.repeat(patients, 4), seed=1)
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, abs=1e-9)


def test_area_of_groups_is_that_of_their_pairs_ties_counted_half():
    labels = np.array([True, False, False, True, False])
    scores = np.array([1.0, 0.0, 1.0, 5.0, 9.0])
    groups = np.array(["a", "a", "a", "b", "b"])
    # In a one pair is won and one tied, in b the one pair is lost.
    assert area_under_curve(labels, scores, groups=groups) == pytest.approx(1.5 / 3)
    assert area_under_curve(labels, scores, groups=np.full(5, "x")) == area_under_curve(labels, scores)


def test_groups_of_one_class_each_have_no_area():
    with pytest.raises(ValueError, match="needs both classes"):
        area_under_curve(np.array([True, False]), np.array([0.1, 0.2]), groups=np.array(["a", "b"]))
