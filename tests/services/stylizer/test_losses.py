import torch

from services.stylizer.gram import gram_matrices
from services.stylizer.losses import content_factor, content_losses, style_factor, style_losses
from shared.recipe import LossConvention


def test_content_loss_is_the_mean_squared_difference_computed_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[0.0, 0.0]]], [[[0.0, 0.0]], [[0.0, 3.0]]]])
    found = content_losses(features, torch.zeros_like(features), torch.tensor([2.0, 2.0]))
    assert found.tolist() == [5 / 4, 9 / 4]


def test_style_loss_is_the_mean_squared_difference_of_gram_matrices_computed_by_hand() -> None:
    grams = torch.tensor([[[1.0, 2.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]])
    assert style_losses(grams, torch.zeros_like(grams)).tolist() == [9 / 4, 1 / 4]


def test_gatys_content_loss_is_half_the_sum_of_equation_1() -> None:
    random = torch.Generator().manual_seed(1)
    x, p = torch.randn(2, 1, 6, 4, 5, generator=random, dtype=torch.float64)
    factor = content_factor(LossConvention.GATYS, channels=6, area=20)
    found = factor * content_losses(x, p, torch.tensor([20.0], dtype=torch.float64))
    torch.testing.assert_close(found[0], 0.5 * ((x - p) ** 2).sum())


def test_gatys_style_loss_is_that_of_equations_2_and_3() -> None:
    random = torch.Generator().manual_seed(2)
    x, y = torch.randn(2, 1, 6, 4, 5, generator=random, dtype=torch.float64)
    n, m = 6, 20
    flat_x, flat_y = x.reshape(n, m), y.reshape(n, m)
    expected = ((flat_x @ flat_x.T - flat_y @ flat_y.T) ** 2).sum() / (4 * n**2 * m**2)
    area = torch.tensor([20.0], dtype=torch.float64)
    factor = style_factor(LossConvention.GATYS, channels=n)
    found = factor * style_losses(gram_matrices(x, area), gram_matrices(y, area))
    torch.testing.assert_close(found[0], expected)


def test_the_tutorial_takes_means_as_they_are() -> None:
    assert content_factor(LossConvention.TUTORIAL, channels=64, area=100) == 1
    assert style_factor(LossConvention.TUTORIAL, channels=64) == 1


def test_gatys_taken_literally_weakens_style_128_to_2048_times_at_512_pixels() -> None:
    content = content_factor(LossConvention.GATYS, channels=256, area=128 * 128)
    weaker = [content / style_factor(LossConvention.GATYS, channels=channels) for channels in (64, 64, 128, 128, 256)]
    assert weaker == [2048, 2048, 512, 512, 128]
