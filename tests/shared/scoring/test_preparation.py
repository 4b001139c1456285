"""Films and masks brought to a model's input."""

import numpy as np
import pytest

from shared.errors import InvalidImageError
from shared.images import resize_film, resize_mask
from shared.recipe import Region
from shared.scoring.preparation import prepare

FILM = np.random.default_rng(0).random((64, 64), dtype=np.float32)
MASK = np.zeros((64, 64), dtype=np.bool_)
MASK[:, :40] = True


def test_a_larger_film_is_resized_as_everywhere_else() -> None:
    prepared = prepare(FILM, MASK, size=32, region=Region.BREAST)
    np.testing.assert_array_equal(prepared.film, resize_film(FILM, 32, 32))
    np.testing.assert_array_equal(prepared.mask, resize_mask(MASK, 32, 32))
    assert prepared.mask.sum() == 32 * 20


def test_a_film_of_the_models_size_is_taken_as_it_is() -> None:
    np.testing.assert_array_equal(prepare(FILM, MASK, size=64, region=Region.BREAST).film, FILM)


@pytest.mark.parametrize("mask", [None, MASK], ids=["none", "breast"])
def test_everything_counts_where_the_region_is_the_film(mask: np.ndarray | None) -> None:
    assert prepare(FILM, mask, size=32, region=Region.FILM).mask.all()


THIN = np.zeros((64, 64), dtype=np.bool_)
THIN[5, 5] = True
REFUSED = {
    "not square": (FILM[:50], None, r"image: found 50 x 64 pixels, needed a square"),
    "too small": (FILM[:16, :16], None, r"image: found 16 x 16 pixels, needed 32 x 32 or more"),
    "three dimensions": (FILM[None], None, r"image: found 3 dimensions, needed 2"),
    "dtype": (FILM.astype(np.float64), MASK, r"image: found dtype float64, needed float32"),
    "NaN": (np.full((64, 64), np.nan, dtype=np.float32), MASK, r"image: found NaN"),
    "no mask": (FILM, None, r"mask: found none, needed the breast's"),
    "mask of another size": (FILM, MASK[:32, :32], r"mask: found shape \(32, 32\), needed the film's \(64, 64\)"),
    "empty mask": (FILM, ~MASK & MASK, r"mask: found no pixel inside, needed at least one"),
    "mask that vanishes": (FILM, THIN, r"mask: found no pixel inside once it is brought to the model's 32 x 32"),
}


@pytest.mark.parametrize(("film", "mask", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_scored_is_refused(film: np.ndarray, mask: np.ndarray | None, message: str) -> None:
    with pytest.raises(InvalidImageError, match=message):
        prepare(film, mask, size=32, region=Region.BREAST)
