"""Temperature scaling: one number that makes a classifier's probabilities mean what they say.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: logits are divided by the temperature that gives the
lowest log loss on films that the classifier has not learnt from. No film changes its rank. Labels are smoothed as in
Platt, "Probabilistic Outputs for Support Vector Machines", 1999: a dozen films that happen to be told apart without a
mistake would otherwise ask for probabilities of 0 and 1.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from services.trainer.calibration_curve import expected_calibration_error
from shared.log import get_logger

log = get_logger("trainer")

LIMITS = (0.05, 20.0)
"""Temperatures beyond these are not taken: such logits say nothing of the classes, or are of another order."""


def fit_temperature(malignant: NDArray[np.bool_], logits: NDArray[np.float64]) -> float:
    """Temperature within `LIMITS` with the lowest log loss of smoothed labels (n,) at logits (n,) / temperature.

    The smoothed label of a malignant film is (m + 1) / (m + 2) with m malignant films, that of a benign one
    1 / (b + 2) with b benign ones. The loss is convex in 1 / temperature, so its lowest point is the only one.
    """
    count = int(malignant.sum())
    targets = np.where(malignant, (count + 1) / (count + 2), 1 / (len(malignant) - count + 2))

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        return float((targets * np.logaddexp(0, -scaled) + (1 - targets) * np.logaddexp(0, scaled)).mean())

    low, high = (math.log(limit) for limit in LIMITS)
    found = minimize_scalar(
        lambda logarithm: loss(math.exp(logarithm)), bounds=(low, high), method="bounded", options={"xatol": 1e-9}
    )
    return min(LIMITS[0], float(math.exp(found.x)), LIMITS[1], key=loss)


def log_loss(malignant: NDArray[np.bool_], logits: NDArray[np.float64]) -> float:
    """Mean of -log of the probability given to what a film is."""
    return float(np.logaddexp(0, -np.where(malignant, 1, -1) * logits).mean())


@dataclass(frozen=True)
class Scaling:
    """A fitted temperature, and what it did for the films that it was fitted on."""

    temperature: float
    fitted_on: str
    """Which films: `out_of_fold` (each by a classifier that has not learnt from its patient) or `validation`."""
    films: int
    log_loss_before: float
    log_loss_after: float
    expected_calibration_error_before: float
    expected_calibration_error_after: float

    def metrics(self) -> dict[str, float]:
        """What the model file says."""
        return {"temperature": self.temperature}

    def figures(self) -> dict[str, Any]:
        """What is told beside the model file."""
        return asdict(self)


def fit_scaling(malignant: NDArray[np.bool_], logits: NDArray[np.float64], *, fitted_on: str) -> Scaling:
    """Fit a temperature to labels (n,) and logits (n,) of the films that `fitted_on` names.

    Says in the log what it did, and warns where the temperature was stopped at a limit.
    """
    temperature = fit_temperature(malignant, logits)
    before, after = (expit(logits / divisor) for divisor in (1.0, temperature))
    scaling = Scaling(
        temperature=temperature,
        fitted_on=fitted_on,
        films=len(logits),
        log_loss_before=log_loss(malignant, logits),
        log_loss_after=log_loss(malignant, logits / temperature),
        expected_calibration_error_before=expected_calibration_error(malignant, before),
        expected_calibration_error_after=expected_calibration_error(malignant, after),
    )
    log.info("temperature fitted", **scaling.figures())
    if temperature in LIMITS:
        log.warning("temperature stopped at its limit: these logits cannot be calibrated", temperature=temperature)
    return scaling
