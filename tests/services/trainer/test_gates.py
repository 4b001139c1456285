import numpy as np
import pytest
import torch
from torch import nn

from services.trainer.configuration import Region
from services.trainer.gates import AnomalyGate, ClassifierGate
from services.trainer.standardisation import PixelStatistics

STATISTICS = PixelStatistics(mean=0.4, std=0.2)
FILM = torch.tensor([[[[0.4, 0.6], [0.2, 0.8]]]])  # standardised: 0, 1, -1, 2
MASK = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])


class Halve(nn.Module):
    """An auto-encoder that gives back half of what it gets: its errors are half the standardised pixels."""

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return films / 2


@pytest.mark.parametrize(
    ("region", "expected"),
    [(Region.FILM, (0 + 0.5 + 0.5 + 1) / 4), (Region.BREAST, (0 + 0.5) / 2)],
    ids=["film", "breast"],
)
def test_score_is_the_mean_absolute_error_of_standardised_pixels_over_the_region(region: Region, expected: float):
    gate = AnomalyGate(Halve(), STATISTICS, region=region)
    score, _ = gate(FILM, MASK)
    assert score.tolist() == pytest.approx([expected], abs=1e-6)


def test_reconstruction_is_in_film_units():
    _, reconstruction = AnomalyGate(Halve(), STATISTICS, region=Region.FILM)(FILM, MASK)
    np.testing.assert_allclose(reconstruction[0, 0], [[0.4, 0.5], [0.3, 0.6]], atol=1e-6)


def test_pixels_outside_the_breast_do_not_change_a_breast_score():
    gate = AnomalyGate(Halve(), STATISTICS, region=Region.BREAST)
    changed = torch.where(MASK > 0, FILM, torch.rand(FILM.shape, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(gate(FILM, MASK)[0], gate(changed, MASK)[0])


def test_a_film_without_any_breast_has_no_breast_score():
    score, _ = AnomalyGate(Halve(), STATISTICS, region=Region.BREAST)(FILM, torch.zeros_like(MASK))
    assert torch.isnan(score).all()


class Sum(nn.Module):
    """A classifier whose logit is the sum of the pixels inside the mask."""

    def forward(self, films: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        return (films * masks).sum(dim=(1, 2, 3))


def test_a_temperature_divides_the_logit_and_the_probability_stays_its_logistic():
    gate = ClassifierGate(Sum(), STATISTICS)
    gate.temperature = 4.0
    logit, probability = gate(FILM, MASK)
    assert logit.tolist() == pytest.approx([0.25], abs=1e-6)
    assert probability.tolist() == pytest.approx([1 / (1 + np.exp(-0.25))], abs=1e-6)


def test_probability_is_the_logistic_of_the_logit_of_standardised_films():
    logit, probability = ClassifierGate(Sum(), STATISTICS)(FILM, MASK)
    assert logit.tolist() == pytest.approx([1.0], abs=1e-6)
    assert probability.tolist() == pytest.approx([1 / (1 + np.exp(-1))], abs=1e-6)
