import numpy as np
import pytest
import sklearn.metrics
import structlog
from sklearn.linear_model import LogisticRegression

from services.trainer.temperature import LIMITS, fit_scaling, fit_temperature, log_loss

GENERATOR = np.random.default_rng(0)
TRUE_LOGITS = GENERATOR.normal(scale=2, size=4000)
LABELS = GENERATOR.random(4000) < 1 / (1 + np.exp(-TRUE_LOGITS))


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0], ids=["timid", "honest", "overconfident"])
def test_temperature_is_the_inverse_slope_of_a_logistic_regression_through_the_origin(factor: float):
    logits = factor * TRUE_LOGITS
    positives = LABELS.sum()
    targets = np.where(LABELS, (positives + 1) / (positives + 2), 1 / (len(LABELS) - positives + 2))
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    twice = np.concatenate([logits, logits])[:, None]
    regression.fit(twice, np.repeat([True, False], len(LABELS)), sample_weight=np.concatenate([targets, 1 - targets]))
    temperature = fit_temperature(LABELS, logits)
    assert temperature == pytest.approx(1 / regression.coef_[0, 0], rel=1e-4)
    assert temperature == pytest.approx(factor, rel=0.1)


def test_log_loss_is_scikit_learns():
    expected = sklearn.metrics.log_loss(LABELS, 1 / (1 + np.exp(-TRUE_LOGITS)))
    assert log_loss(LABELS, TRUE_LOGITS) == pytest.approx(expected)


def test_scaling_repairs_overconfident_probabilities_and_says_so():
    scaling = fit_scaling(LABELS, 5 * TRUE_LOGITS, fitted_on="validation")
    assert scaling.log_loss_after < scaling.log_loss_before - 0.1
    assert scaling.expected_calibration_error_after < 0.02 < 0.1 < scaling.expected_calibration_error_before
    assert scaling.metrics() == {"temperature": scaling.temperature}
    assert scaling.figures()["films"] == 4000
    assert scaling.figures()["fitted_on"] == "validation"


def test_a_few_films_told_apart_without_a_mistake_do_not_ask_for_certainty():
    labels = np.arange(12) % 2 == 0
    temperature = fit_temperature(labels, np.where(labels, 1.0, -1.0))
    probability = 1 / (1 + np.exp(-1 / temperature))
    # Of eight films seven would be right: what six of six say with one more of each kind.
    assert probability == pytest.approx(7 / 8)


@pytest.mark.parametrize(
    ("logits", "limit"),
    [(np.where(LABELS, 0.001, -0.001), LIMITS[0]), (np.where(LABELS, -1.0, 1.0), LIMITS[1])],
    ids=["tiny", "reversed"],
)
def test_logits_that_cannot_be_calibrated_stop_at_a_limit_with_a_warning(logits: np.ndarray, limit: float):
    with structlog.testing.capture_logs() as logs:
        assert fit_scaling(LABELS, logits, fitted_on="validation").temperature == limit
    assert [line["log_level"] for line in logs] == ["info", "warning"]
