"""The linear head on frozen features: L2-regularised logistic regression, as strong as unseen patients ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from services.trainer.folds import patient_folds

Features = NDArray[np.float64]
Labels = NDArray[np.bool_]
Patients = NDArray[np.str_]

INVERSE_STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Inverse regularisation strengths to choose from; weaker ones saturate the probabilities of separable films."""
_INNER_FOLDS = 5


@dataclass(frozen=True)
class LinearHead:
    """logit = features · weight + bias, on features as the trunk gives them."""

    weight: Features
    """float64 (features,)."""
    bias: float
    inverse_strength: float
    """The one of `INVERSE_STRENGTHS` that was chosen."""

    def logits(self, features: Features) -> NDArray[np.float64]:
        """Logits (n,) of features (n, features)."""
        return features @ self.weight + self.bias


def fit_head(
    features: Features, malignant: Labels, patients: Patients, *, seed: int, weights: Features | None = None
) -> LinearHead:
    """Fit a head to features (n, features) and labels (n,), each feature being standardised first.

    `weights` (n,) are those of the films in the log loss, all one when None.

    The strength is the one with the lowest log loss on patients that were left out, which is what keeps the
    probabilities honest; with fewer than two patients of a class it is the strongest.
    """
    weights = np.ones(len(malignant)) if weights is None else weights
    with threadpool_limits(limits=1):  # small matrices: more threads only wait for each other, and round differently
        inverse_strength = _choose_strength(features, malignant, patients, weights, seed=seed)
        return _fit(features, malignant, weights, (inverse_strength,))[0]


def _choose_strength(
    features: Features, malignant: Labels, patients: Patients, weights: Features, *, seed: int
) -> float:
    folds = min(_INNER_FOLDS, len(np.unique(patients[malignant])), len(np.unique(patients[~malignant])))
    if folds < 2:
        return INVERSE_STRENGTHS[0]
    losses = np.zeros(len(INVERSE_STRENGTHS))
    for rest, part in patient_folds(malignant, patients, folds=folds, seed=seed):
        if malignant[rest].all() or not malignant[rest].any():
            continue
        for index, head in enumerate(_fit(features[rest], malignant[rest], weights[rest], INVERSE_STRENGTHS)):
            signed = np.where(malignant[part], 1, -1) * head.logits(features[part])
            losses[index] += weights[part] @ np.logaddexp(0, -signed)
    return INVERSE_STRENGTHS[int(losses.argmin())]


def _fit(
    features: Features, malignant: Labels, weights: Features, inverse_strengths: Sequence[float]
) -> list[LinearHead]:
    """Fit one head per strength.

    The penalty does not change when features are rotated, so the fit runs in the films' own span, which has at most
    as many dimensions as there are films.
    """
    mean = features.mean(axis=0)
    scale = features.std(axis=0) + 1e-6
    left, singular, basis = np.linalg.svd((features - mean) / scale, full_matrices=False)
    heads = []
    for inverse_strength in inverse_strengths:
        regression = LogisticRegression(C=inverse_strength, max_iter=10_000)
        regression.fit(left * singular, malignant, sample_weight=weights)
        weight = (regression.coef_[0] @ basis) / scale
        heads.append(LinearHead(weight, float(regression.intercept_[0] - mean @ weight), inverse_strength))
    return heads
