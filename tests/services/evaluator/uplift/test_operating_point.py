"""Sensitivity and precision against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score, roc_curve

from services.evaluator.uplift.operating_point import at_specificity


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=4, max_size=60).filter(
        lambda films: len({label for label, _ in films}) == 2
    ),
    st.sampled_from([0.5, 0.8, 0.9]),
)
def test_they_are_scikit_learns_at_the_lowest_cutoff_allowed(films: list[tuple[bool, int]], specificity: float):
    labels = np.array([label for label, _ in films])
    scores = np.array([score for _, score in films], dtype=float)
    false, _, cutoffs = roc_curve(labels, scores, drop_intermediate=False)
    cutoff = cutoffs[false <= 1 - specificity + 1e-9][-1]
    called = scores >= cutoff

    sensitivity, precision = at_specificity(labels, scores, np.ones((1, len(labels))), specificity=specificity)

    assert sensitivity[0] == pytest.approx(recall_score(labels, called))
    if called.any():
        assert precision[0] == pytest.approx(precision_score(labels, called))
    else:
        assert np.isnan(precision[0])


def test_a_film_that_counts_twice_is_two_films():
    labels = np.array([True, False, True, False, False])
    scores = np.array([0.9, 0.8, 0.4, 0.3, 0.1])
    weights = np.array([[2.0, 1.0, 0.0, 3.0, 1.0]])
    often = np.repeat(np.arange(5), weights[0].astype(int))

    found = at_specificity(labels, scores, weights, specificity=0.75)

    expected = at_specificity(labels[often], scores[often], np.ones((1, len(often))), specificity=0.75)
    assert [value[0] for value in found] == [value[0] for value in expected]
