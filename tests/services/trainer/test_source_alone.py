import numpy as np
import pytest
import structlog
from sklearn.metrics import roc_auc_score

from services.trainer.source_alone import source_alone

GENERATOR = np.random.default_rng(1)
SOURCES = np.array(["ddsm"] * 60 + ["cmmd"] * 40)
PATIENTS = np.array([f"p{i // 2}" for i in range(100)])


def labels(ddsm: float, cmmd: float) -> np.ndarray:
    return GENERATOR.random(100) < np.where(SOURCES == "ddsm", ddsm, cmmd)


def test_area_of_the_source_alone_is_scikit_learns():
    malignant = labels(0.3, 0.9)
    found = source_alone(malignant, SOURCES, PATIENTS, seed=0)
    assert found.auc == pytest.approx(roc_auc_score(malignant, SOURCES == "cmmd"))
    assert found.auc_low < found.auc < found.auc_high
    assert found.malignant_share["cmmd"] == pytest.approx(malignant[60:].mean())


def test_a_source_that_predicts_the_label_is_warned_of_in_log_and_figures():
    found = source_alone(labels(0.1, 0.9), SOURCES, PATIENTS, seed=0)
    with structlog.testing.capture_logs() as logs:
        found.warn()
    assert logs[0]["log_level"] == "warning"
    assert logs[0]["auc"] == found.auc > 0.8
    assert f"area under the curve of {found.auc:.2f}" in logs[0]["event"] == found.figures()["warning"]


def test_sources_of_equal_shares_are_not_warned_of():
    found = source_alone(np.arange(100) % 2 == 0, SOURCES, PATIENTS, seed=0)
    with structlog.testing.capture_logs() as logs:
        found.warn()
    assert not logs
    assert found.auc == pytest.approx(0.5)
    assert found.figures()["warning"] is None


def test_one_source_says_nothing():
    assert source_alone(labels(0.5, 0.5), np.full(100, "ddsm"), PATIENTS, seed=0) is None
