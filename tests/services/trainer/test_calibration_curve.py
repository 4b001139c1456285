import numpy as np
import pytest
from sklearn.calibration import calibration_curve as sklearns_curve

from services.trainer.calibration_curve import calibration_curve, expected_calibration_error


def test_bins_are_scikit_learns():
    generator = np.random.default_rng(0)
    probabilities = generator.random(200) ** 2
    labels = generator.random(200) < probabilities
    curve = calibration_curve(labels, probabilities)
    observed, predicted = sklearns_curve(labels, probabilities, n_bins=10)
    filled = [one for one in curve if one.films]
    assert [one.predicted for one in filled] == pytest.approx(predicted)
    assert [one.observed for one in filled] == pytest.approx(observed)
    assert sum(one.films for one in curve) == 200


def test_an_empty_bin_says_nothing_and_one_belongs_to_the_last():
    curve = calibration_curve(np.array([True, False]), np.array([1.0, 0.05]))
    assert [one.films for one in curve] == [1] + [0] * 8 + [1]
    assert curve[-1].as_dict() == {"low": 0.9, "high": 1.0, "films": 1, "predicted": 1.0, "observed": 1.0}
    assert curve[4].predicted is None
    assert curve[4].observed is None


def test_calibration_error_by_hand():
    labels = np.array([True, False, True, True])
    probabilities = np.array([0.15, 0.15, 0.95, 1.0])
    # Two films in the second bin: predicted 0.15, observed 0.5; two in the last: predicted 0.975, observed 1.
    assert expected_calibration_error(labels, probabilities) == pytest.approx((2 * 0.35 + 2 * 0.025) / 4)
