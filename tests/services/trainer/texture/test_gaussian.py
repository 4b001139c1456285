import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from services.trainer.texture.gaussian import Gaussian

GENERATOR = np.random.default_rng(0)
SAMPLES = GENERATOR.normal(size=(200, 5)) @ GENERATOR.normal(size=(5, 5)) * [1, 10, 0.05, 1, 3] + [0, 5, 1, -2, 0]


def test_the_distance_is_mahalanobis_with_a_shrunk_covariance():
    deviation = SAMPLES.std(axis=0)
    standardised = (SAMPLES - SAMPLES.mean(axis=0)) / deviation
    inverse = np.linalg.inv(LedoitWolf().fit(standardised).covariance_)
    found = Gaussian.fit(SAMPLES).distance(torch.from_numpy(SAMPLES.astype(np.float32)))
    for row, distance in zip(standardised[:20], found.tolist(), strict=False):
        assert distance == pytest.approx(mahalanobis(row, np.zeros(5), inverse) / np.sqrt(5), rel=1e-3)


def test_samples_of_the_distribution_lie_about_one_away():
    samples = np.random.default_rng(1).normal(size=(400, 6)) * [1, 10, 0.05, 1, 3, 5] + 2
    distances = Gaussian.fit(samples).distance(torch.from_numpy(samples.astype(np.float32)))
    assert float((distances**2).mean()) == pytest.approx(1, abs=0.05)


def test_both_too_much_and_too_little_are_far():
    gaussian = Gaussian.fit(SAMPLES)
    ends = SAMPLES.mean(axis=0) + np.array([[-8.0], [0.0], [8.0]]) * SAMPLES.std(axis=0)
    low, middle, high = gaussian.distance(torch.from_numpy(ends.astype(np.float32))).tolist()
    assert middle < 1e-3
    assert min(low, high) > 3


def test_maps_are_measured_place_by_place():
    gaussian = Gaussian.fit(SAMPLES)
    rows = torch.from_numpy(SAMPLES[:24].astype(np.float32))
    found = gaussian.distance(rows.view(2, 3, 4, 5).movedim(-1, 1))
    assert found.shape == (2, 3, 4)
    np.testing.assert_allclose(found.reshape(-1), gaussian.distance(rows), rtol=1e-5)


def test_a_column_that_never_varies_is_no_obstacle():
    samples = np.concatenate([SAMPLES, np.full((200, 1), 0.5)], axis=1)
    assert Gaussian.fit(samples).distance(torch.from_numpy(samples.astype(np.float32))).max() < 5
