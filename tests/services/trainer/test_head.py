import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.trainer.balance import class_weights
from services.trainer.head import INVERSE_STRENGTHS, fit_head

PATIENTS = np.repeat([f"p{i:02d}" for i in range(30)], 2)
LABELS = np.repeat(np.arange(30) % 2 == 0, 2)


def made_features(*, signal: float, features: int = 200) -> np.ndarray:
    """More features than films, of very different scales; the first ten carry the label."""
    generator = np.random.default_rng(0)
    made = generator.normal(size=(60, features))
    made[:, :10] += signal * LABELS[:, None]
    return made * np.logspace(-3, 3, features) + 5


def test_head_is_logistic_regression_on_standardised_features():
    features = made_features(signal=1)
    head = fit_head(features, LABELS, PATIENTS, seed=0)
    regression = LogisticRegression(C=head.inverse_strength, max_iter=10_000, tol=1e-8)
    expected = make_pipeline(StandardScaler(), regression).fit(features, LABELS).decision_function(features)
    np.testing.assert_allclose(head.logits(features), expected, atol=2e-3)


def test_weighted_head_is_scikit_learns_with_balanced_classes():
    features, labels = made_features(signal=1), np.repeat(np.arange(30) % 5 == 0, 2)
    head = fit_head(features, labels, PATIENTS, seed=0, weights=class_weights(labels))
    regression = LogisticRegression(C=head.inverse_strength, class_weight="balanced", max_iter=10_000, tol=1e-8)
    expected = make_pipeline(StandardScaler(), regression).fit(features, labels).decision_function(features)
    np.testing.assert_allclose(head.logits(features), expected, atol=2e-3)
    plain = fit_head(features, labels, PATIENTS, seed=0)
    assert head.logits(features).mean() > plain.logits(features).mean() + 0.5


def test_features_without_signal_get_the_strongest_penalty():
    head = fit_head(made_features(signal=0), LABELS, PATIENTS, seed=0)
    assert head.inverse_strength == INVERSE_STRENGTHS[0]


def test_probabilities_of_separable_films_are_not_saturated():
    features = made_features(signal=8)
    probabilities = 1 / (1 + np.exp(-fit_head(features, LABELS, PATIENTS, seed=0).logits(features)))
    assert (probabilities[LABELS] > 0.7).all()
    assert probabilities.max() < 0.999
    assert probabilities.min() > 0.001


def test_one_patient_of_a_class_is_enough_to_fit():
    labels = PATIENTS == "p00"
    head = fit_head(made_features(signal=1), labels, PATIENTS, seed=0)
    assert head.inverse_strength == INVERSE_STRENGTHS[0]


def test_equal_seeds_give_equal_heads():
    one, other = (fit_head(made_features(signal=1), LABELS, PATIENTS, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.weight, other.weight)
    assert one.bias == pytest.approx(other.bias, abs=0)
