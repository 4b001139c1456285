import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score

from services.trainer.classifier_report import Judged

GENERATOR = np.random.default_rng(2)
COUNT = 120
SOURCES = np.repeat(["ddsm", "cmmd"], COUNT // 2)
MALIGNANT = GENERATOR.random(COUNT) < np.where(SOURCES == "cmmd", 0.8, 0.3)
LOGITS = MALIGNANT + 2.0 * (SOURCES == "cmmd") - 1 + GENERATOR.normal(size=COUNT)
JUDGED = Judged(MALIGNANT, 1 / (1 + np.exp(-LOGITS)), np.array([f"p{i // 2}" for i in range(COUNT)]), SOURCES)


@pytest.fixture(scope="module")
def figures() -> dict:
    return json.loads(json.dumps(JUDGED.figures(cutoff=0.7, seed=0)))


@pytest.mark.parametrize("source", [None, "ddsm", "cmmd"])
def test_figures_over_all_and_of_each_source_are_scikit_learns(source: str | None, figures: dict):
    own = source == SOURCES if source else np.ones(COUNT, dtype=bool)
    found = figures["by_source"][source] if source else figures["overall"]
    truth, probabilities = MALIGNANT[own], JUDGED.probabilities[own]
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, probabilities >= 0.5))
    assert found["auc"] == pytest.approx(roc_auc_score(truth, probabilities))
    assert found["auc_low"] < found["auc"] < found["auc_high"]
    (true_benign, false_malignant), (false_benign, true_malignant) = confusion_matrix(truth, probabilities >= 0.7)
    assert (found["true_benign"], found["false_malignant"]) == (true_benign, false_malignant)
    assert (found["false_benign"], found["true_malignant"]) == (false_benign, true_malignant)
    curve = figures["calibration_curve_by_source"][source] if source else figures["calibration_curve"]
    assert sum(one["films"] for one in curve) == own.sum()
    error = sum(one["films"] * abs(one["predicted"] - one["observed"]) for one in curve if one["films"]) / own.sum()
    assert found["expected_calibration_error"] == pytest.approx(error)


def test_the_area_within_sources_counts_pairs_of_one_source_only(figures: dict):
    right = pairs = 0
    for source in ("ddsm", "cmmd"):
        scores = [LOGITS[(source == SOURCES) & (label == MALIGNANT)] for label in (True, False)]
        right += (scores[0][:, None] > scores[1][None, :]).sum()
        pairs += scores[0].size * scores[1].size
    within = figures["within_sources"]
    assert within["auc"] == pytest.approx(right / pairs)
    assert within["auc"] < figures["overall"]["auc"] - 0.03
    assert within["auc_low"] < within["auc"] < within["auc_high"]
    each = [figures["by_source"][source] for source in ("ddsm", "cmmd")]
    assert within["expected_calibration_error"] == pytest.approx(
        sum(one["films"] * one["expected_calibration_error"] for one in each) / COUNT
    )


def test_sources_of_one_class_each_have_no_area_within():
    judged = Judged(SOURCES == "cmmd", JUDGED.probabilities, JUDGED.patients, SOURCES)
    figures = judged.figures(cutoff=0.7, seed=0)
    assert "auc" in figures["overall"]
    assert "auc" not in figures["within_sources"]
