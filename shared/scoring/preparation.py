"""Brings a film and its mask to what a scoring model takes."""

from dataclasses import dataclass

import numpy as np

from shared.errors import InvalidImageError
from shared.images import Film, Mask, resize_film, resize_mask, validate_film, validate_mask
from shared.recipe import Region


@dataclass(frozen=True)
class PreparedFilm:
    """A film at the model's input size, and the mask of the region that counts."""

    film: Film
    mask: Mask


def prepare(film: Film, mask: Mask | None, *, size: int, region: Region) -> PreparedFilm:
    """Bring a film and its breast mask to a model's input.

    Args:
        film: square (rows, columns) float32 in [0, 1], not smaller than the model's input.
        mask: bool, as large as the film; needed where the region is breast. Where it is film the mask is checked,
            but everything counts.
        size: rows and columns of the model's input, in pixels.
        region: part of the film that the model looks at: film or breast.

    Raises:
        InvalidImageError: naming the field, what was found and what is needed.

    """
    validate_film(film, name="image", square=True)
    if film.shape[0] < size:
        raise InvalidImageError(
            f"image: found {film.shape[0]} x {film.shape[1]} pixels, needed {size} x {size} or more, the model's input"
        )
    if mask is None and region is Region.BREAST:
        raise InvalidImageError("mask: found none, needed the breast's, since the model's region is breast")
    if mask is not None:
        validate_mask(mask, film.shape, name="mask")
    if mask is None or region is Region.FILM:
        return PreparedFilm(resize_film(film, size, size), np.ones((size, size), dtype=np.bool_))
    resized = resize_mask(mask, size, size)
    if not resized.any():
        raise InvalidImageError(
            f"mask: found no pixel inside once it is brought to the model's {size} x {size}, needed at least one"
        )
    return PreparedFilm(resize_film(film, size, size), resized)
