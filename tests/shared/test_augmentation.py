import numpy as np
import pytest
import torch
from scipy import ndimage

from shared.augmentation import Augmentation
from tests.services.trainer.made_films import made_film

NOTHING = {"mirrored": 0.0, "rotation": 0.0, "shift": 0.0, "scale": 0.0, "brightness": 0.0, "contrast": 0.0}


@pytest.fixture(scope="module")
def films() -> tuple[torch.Tensor, torch.Tensor]:
    films, masks = zip(*(made_film(index, grainy=index % 4 > 1) for index in range(24)), strict=True)
    return torch.from_numpy(np.stack(films))[:, None], torch.from_numpy(np.stack(masks).astype(np.float32))[:, None]


def apply(films: tuple[torch.Tensor, torch.Tensor], *, epoch: int = 1, seed: int = 0, **options: float):
    augmentation = Augmentation(**(NOTHING | options))
    return augmentation.apply(*films, indices=np.arange(len(films[0])), epoch=epoch, seed=seed)


def test_no_change_leaves_films_and_masks_as_they_are(films: tuple[torch.Tensor, torch.Tensor]):
    changed, masks = apply(films)
    torch.testing.assert_close(changed, films[0] * films[1], atol=1e-5, rtol=0)
    assert torch.equal(masks, films[1])


def test_mirrored_films_are_mirrored_with_their_masks(films: tuple[torch.Tensor, torch.Tensor]):
    changed, masks = apply(films, mirrored=1.0)
    torch.testing.assert_close(changed, (films[0] * films[1]).flip(-1), atol=1e-5, rtol=0)
    assert torch.equal(masks, films[1].flip(-1))
    some, _ = apply(films, mirrored=0.5)
    flipped = [torch.allclose(one, other, atol=1e-5) for one, other in zip(some, changed, strict=True)]
    assert 4 < sum(flipped) < 20


def test_turned_films_are_what_scipy_turns_them_to():
    rows, columns = np.indices((64, 64)) - 31.5
    film = np.exp(-((rows - 8) ** 2 + (columns + 5) ** 2) / 60).astype(np.float32)
    pair = (torch.from_numpy(film)[None, None], torch.ones(1, 1, 64, 64))
    turned, mask = apply(pair, rotation=30.0)
    angle = 30 * (2 * np.random.default_rng([0, 1, 0]).random(7)[1] - 1)
    expected = ndimage.rotate(film, angle, reshape=False, order=1)
    assert abs(angle) > 3
    assert np.abs(turned[0, 0].numpy() - expected).max() < 0.02
    assert mask.all()


def test_changes_stay_within_their_limits():
    rows, columns = np.indices((64, 64)) - 31.5
    disc = torch.from_numpy((rows**2 + columns**2 < 12**2).astype(np.float32)).expand(32, 1, 64, 64)
    _, larger = apply((disc, disc), scale=0.3)
    shares = larger.sum(dim=(1, 2, 3)) / disc.sum(dim=(1, 2, 3))
    assert 0.7**2 - 0.05 < float(shares.min()) < 0.7 < 1.4 < float(shares.max()) < 1.3**2 + 0.05
    _, moved = apply((disc, disc), shift=0.2)
    for along in (torch.arange(64.0).view(-1, 1), torch.arange(64.0)):
        shifts = (moved * along).sum(dim=(1, 2, 3)) / moved.sum(dim=(1, 2, 3)) - 31.5
        assert 0.7 * 0.2 * 64 < float(shifts.abs().max()) < 0.2 * 64 + 0.5
        assert float(shifts.min()) < 0 < float(shifts.max())


def test_a_breast_that_moves_away_from_the_edge_stays_joined_to_it(films: tuple[torch.Tensor, torch.Tensor]):
    _, masks = apply(films, shift=0.2)
    touches = masks[:, 0, :, 0].any(dim=1)
    assert touches.all()


def test_brightness_and_contrast_change_the_breast_alone(films: tuple[torch.Tensor, torch.Tensor]):
    film, mask = films[0] * films[1], films[1]
    brighter, _ = apply(films, brightness=0.1)
    added = (brighter - film)[mask > 0].view(-1)
    assert -0.1 <= float(added.min()) < -0.05 < 0.05 < float(added.max()) <= 0.1
    contrast, _ = apply(films, contrast=0.5)
    deviations = [float(c[m > 0].std() / f[m > 0].std()) for c, f, m in zip(contrast, film, mask, strict=True)]
    assert 0.5 <= min(deviations) < 0.8 < 1.2 < max(deviations) <= 1.51
    for changed in (brighter, contrast):
        assert (changed[mask == 0] == 0).all()
        assert 0 <= float(changed.min()) <= float(changed.max()) <= 1


def test_changes_follow_from_seed_epoch_and_film_not_from_the_batch(films: tuple[torch.Tensor, torch.Tensor]):
    augmentation = Augmentation()
    together, _ = augmentation.apply(*films, indices=np.arange(24), epoch=2, seed=3)
    alone, _ = augmentation.apply(films[0][5:6], films[1][5:6], indices=np.array([5]), epoch=2, seed=3)
    assert torch.equal(alone[0], together[5])
    for other in ({"epoch": 3, "seed": 3}, {"epoch": 2, "seed": 4}):
        assert not torch.equal(augmentation.apply(*films, indices=np.arange(24), **other)[0], together)


def test_a_film_whose_breast_would_leave_the_picture_stays_as_it_is():
    film, mask = torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(0)), torch.zeros(8, 1, 32, 32)
    mask[..., 3, 3] = 1
    changed, moved = apply((film, mask), shift=1.0, brightness=0.1)
    gone = [torch.equal(one, other) for one, other in zip(changed, film, strict=True)]
    assert sum(gone) >= 4
    assert (moved.sum(dim=(1, 2, 3)) > 0).all()
    assert torch.equal(moved[gone], mask[gone])
