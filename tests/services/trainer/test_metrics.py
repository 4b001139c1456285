import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from services.trainer.metrics import bootstrap_share, classification_metrics, metrics_by_source


def test_confusion_matrix_counts_by_the_cutoff_and_accuracy_by_one_half():
    labels = np.array([True, True, False, False, False])
    probabilities = np.array([0.9, 0.6, 0.8, 0.55, 0.1])
    patients = np.array(list("abcde"))
    figures = classification_metrics(labels, probabilities, patients, cutoff=0.7, seed=0)
    assert (figures["true_malignant"], figures["false_benign"]) == (1, 1)
    assert (figures["false_malignant"], figures["true_benign"]) == (1, 2)
    assert figures["accuracy"] == pytest.approx(3 / 5)
    assert figures["accuracy_at_cutoff"] == pytest.approx(3 / 5)
    assert figures["brier_score"] == pytest.approx(brier_score_loss(labels, probabilities))
    assert figures["auc_low"] <= figures["auc"] <= figures["auc_high"]


def test_a_source_of_one_class_has_figures_without_an_area():
    labels = np.array([True, True, True, False])
    figures = metrics_by_source(
        labels,
        np.array([0.9, 0.8, 0.6, 0.1]),
        np.array(list("abcd")),
        np.array(["x", "x", "y", "y"]),
        cutoff=0.7,
        seed=0,
    )
    assert list(figures) == ["x", "y"]
    assert "auc" not in figures["x"]
    assert figures["y"]["auc"] == 1.0


def test_an_interval_of_a_share_is_wider_where_patients_films_agree():
    flags = np.tile([True, False], 50)
    alone = bootstrap_share(flags, np.arange(100).astype(str), seed=0)
    in_tens = bootstrap_share(np.sort(flags), (np.arange(100) // 10).astype(str), seed=0)
    expected = 1.96 * np.sqrt(0.25 / 100)
    assert (alone.low, alone.high) == pytest.approx((0.5 - expected, 0.5 + expected), abs=0.02)
    assert in_tens.high - in_tens.low > 2 * (alone.high - alone.low)
