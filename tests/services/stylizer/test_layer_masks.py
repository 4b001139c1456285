import torch

from services.stylizer.layer_masks import layer_masks


def test_masks_come_down_by_averages_and_areas_are_their_sums() -> None:
    mask = torch.zeros(1, 1, 4, 4)
    mask[0, 0, 0, :3] = 1
    finest, middle, coarsest = layer_masks(mask)
    assert torch.equal(finest.root, mask)
    torch.testing.assert_close(middle.root**2, torch.tensor([[[[0.5, 0.25], [0.0, 0.0]]]]))
    torch.testing.assert_close(coarsest.root**2, torch.tensor([[[[3 / 16]]]]))
    assert [float(level.area) for level in (finest, middle, coarsest)] == [3.0, 0.75, 3 / 16]


def test_a_mask_of_everything_weighs_every_position_by_exactly_one() -> None:
    for level in layer_masks(torch.ones(2, 1, 34, 34)):
        assert bool((level.root == 1).all())
        assert bool((level.area == level.root[0].numel()).all())
