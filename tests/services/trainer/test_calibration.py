import numpy as np
import pytest

from services.trainer.calibration import anomaly_thresholds, classifier_thresholds


def test_anomaly_thresholds_are_the_95th_percentiles():
    thresholds = anomaly_thresholds(np.arange(101.0), 2 * np.arange(101.0))
    assert thresholds == {"training_p95": pytest.approx(95), "validation_p95": pytest.approx(190)}


def test_held_out_scores_give_a_threshold_of_their_own():
    thresholds = anomaly_thresholds(np.arange(101.0), 2 * np.arange(101.0), 3 * np.arange(101.0))
    assert thresholds["held_out_p95"] == pytest.approx(285)


def test_chosen_cutoff_leaves_nine_of_ten_benign_films_below():
    benign = np.linspace(0.2, 0.8, 11)
    probabilities = np.concatenate([benign, [0.9, 0.95]])
    malignant = np.array([False] * 11 + [True] * 2)
    thresholds = classifier_thresholds(malignant, probabilities, cutoff=0.7)
    assert thresholds == {"cutoff": 0.7, "validation": pytest.approx(0.74)}


def test_chosen_cutoff_is_never_below_one_half():
    thresholds = classifier_thresholds(np.array([False, True]), np.array([0.1, 0.9]), cutoff=0.7)
    assert thresholds["validation"] == 0.5
