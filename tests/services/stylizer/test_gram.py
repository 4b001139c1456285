import torch

from services.stylizer.gram import gram_matrices
from services.stylizer.layer_masks import layer_masks


def test_gram_matrix_has_the_values_computed_by_hand() -> None:
    # Two channels on two positions: F = [[1, 2], [3, -1]], F F^T = [[5, 1], [1, 10]], divided by 2 channels x 2.
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    expected = torch.tensor([[[1.25, 0.25], [0.25, 2.5]]])
    assert torch.equal(gram_matrices(features, torch.tensor([2.0])), expected)


def test_masked_gram_matrix_is_the_sum_over_positions_weighed_by_the_share_inside() -> None:
    random = torch.Generator().manual_seed(5)
    masks = (torch.rand(3, 1, 8, 8, generator=random) < 0.6).double()
    features = torch.randn(3, 4, 4, 4, generator=random, dtype=torch.float64)
    level = layer_masks(masks)[1]
    found = gram_matrices(features * level.root, level.area)
    for film in range(3):
        expected = torch.zeros(4, 4, dtype=torch.float64)
        area = 0.0
        for row in range(4):
            for column in range(4):
                share = float(masks[film, 0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].sum()) / 4
                at = features[film, :, row, column]
                expected += share * torch.outer(at, at)
                area += share
        torch.testing.assert_close(found[film], expected / (4 * area), rtol=1e-12, atol=1e-12)


def test_a_uniform_texture_has_the_same_gram_matrix_however_large_the_breast_is() -> None:
    features = torch.ones(2, 3, 8, 8) * torch.tensor([1.0, -2.0, 0.5]).view(1, 3, 1, 1)
    masks = torch.zeros(2, 1, 8, 8)
    masks[0, 0, :7, :3] = 1
    masks[1, 0, 2:, 1:] = 1
    level = layer_masks(masks)[0]
    small, large = gram_matrices(features * level.root, level.area)
    torch.testing.assert_close(small, large)
    torch.testing.assert_close(small, torch.outer(features[0, :, 0, 0], features[0, :, 0, 0]) / 3)


def test_of_bfloat16_features_the_matrix_is_exact_and_the_gradient_rounded() -> None:
    random = torch.Generator().manual_seed(7)
    features = torch.randn(2, 8, 6, 5, generator=random).bfloat16().contiguous(memory_format=torch.channels_last)
    area = torch.tensor([30.0, 17.0])
    weights = torch.randn(2, 8, 8, generator=random)
    found, exact = features.clone().requires_grad_(), features.double().requires_grad_()
    matrices, expected = gram_matrices(found, area), gram_matrices(exact, area.double())
    assert matrices.dtype is torch.float32
    torch.testing.assert_close(matrices, expected.float(), rtol=1e-5, atol=1e-6)
    (gradient,) = torch.autograd.grad(matrices, found, weights)
    (expected_gradient,) = torch.autograd.grad(expected, exact, weights.double())
    assert gradient.dtype is torch.bfloat16
    assert float((gradient - expected_gradient).norm() / expected_gradient.norm()) < 2**-7
