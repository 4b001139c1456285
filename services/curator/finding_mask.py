"""Finds the mask of a finding among files that may be crops as well, by their pixels, and the box around it."""

import numpy as np

from services.curator.entry import Box, Finding
from services.curator.film_file import FilmFile, read_film_file
from services.curator.framing import breast_box
from shared.errors import InvalidImageError
from shared.images import Film

# Masks of some films have another number of pixels, but never another shape.
_SAME_ASPECT = 0.02
# Most films show more than two grey levels in one pixel of this many along each side.
_SAMPLE = 31


def is_mask(film: Film) -> bool:
    """Whether a film has two grey levels and no more, which no photograph of tissue has."""
    if len(np.unique(film[::_SAMPLE, ::_SAMPLE])) > 2:
        return False
    low, high = film.min(), film.max()
    return bool(low < high and ((film == low) | (film == high)).all())


def find_mask(finding: Finding, shape: tuple[int, ...]) -> tuple[str, Box]:
    """Read a finding's place from its mask: the file with two grey levels and the shape of the film.

    Args:
        finding: with masks.
        shape: rows and columns of the film.

    Returns:
        The mask's name in the data set, and the box around what is bright on it, in pixels of the film.

    Raises:
        InvalidImageError: if there is no such file, or nothing is bright on it.

    """
    reasons = []
    for name, file in finding.masks:
        try:
            mask = read_film_file(file)
        except InvalidImageError as error:
            reasons.append(f"{name}: {error.message}")
            continue
        if is_mask(mask.film):
            return name, _box_around(mask, shape)
        reasons.append(f"{name}: no mask, but a film of {mask.film.shape[0]} x {mask.film.shape[1]} pixels")
    raise InvalidImageError(f"found no mask; {'; '.join(reasons) or 'no file of its series is there'}")


def _box_around(mask: FilmFile, shape: tuple[int, ...]) -> Box:
    rows, columns = mask.film.shape
    down, across = shape[0] / rows, shape[1] / columns
    if abs(down / across - 1) > _SAME_ASPECT:
        raise InvalidImageError(f"found a mask of {rows} x {columns} pixels on a film of {shape[0]} x {shape[1]}")
    top, left, height, width = breast_box(np.asarray(mask.film == mask.film.max()))
    return Box(x=left * across, y=top * down, width=width * across, height=height * down)
