"""Squares cut out of films around a lesion, and put back without a seam.

A box is (x, y, width, height) in pixels, as lesions have it; a window is a square of whole pixels.
"""

import math
from dataclasses import dataclass

import numpy as np

from shared.feather import feather
from shared.images import Film, Mask, resize_film

REGION = 1.5
"""The region of a lesion, it and its rim, is so many times as long and as wide as the lesion."""
ROOM = 1.25
"""A window is at least so many times as long as the region in it."""
SMALLEST_REGION = 0.4
"""A region is at least this share of its window's side: texture needs some pixels."""
EDGE = 1 / 8
"""Share of a crop's side over which the weight of a region rises from 0 at its edge to 1."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Window:
    """A square of a film, in its pixels."""

    top: int
    left: int
    side: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Where it lies in an array."""
        return slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)

    def overlaps(self, box: Box) -> bool:
        """Whether any of a box lies in it."""
        x, y, width, height = box
        beside = x + width <= self.left or self.left + self.side <= x
        above = y + height <= self.top or self.top + self.side <= y
        return not (beside or above)


def region_box(box: Box) -> Box:
    """The box around a lesion and its rim."""
    x, y, width, height = box
    return x - width * (REGION - 1) / 2, y - height * (REGION - 1) / 2, width * REGION, height * REGION


def window_side(box: Box, *, size: int) -> int:
    """Side of the window of a lesion: `size` pixels, or more where it is too large for them."""
    return max(size, math.ceil(ROOM * REGION * max(box[2], box[3])))


def window_around(box: Box, shape: tuple[int, ...], *, size: int) -> Window | None:
    """The window of a lesion, its middle in the middle unless the film ends there; None where the film is smaller."""
    side = window_side(box, size=size)
    if side > min(shape):
        return None
    x, y, width, height = box
    top = min(max(0, round(y + height / 2 - side / 2)), shape[0] - side)
    left = min(max(0, round(x + width / 2 - side / 2)), shape[1] - side)
    return Window(top, left, side)


def cut(film: Film, window: Window, size: int) -> Film:
    """A window of a film at `size` x `size` pixels."""
    return resize_film(np.ascontiguousarray(film[window.slices]), size, size)


def region_mask(box: Box, window: Window, size: int) -> Mask:
    """The region of a lesion in its crop: an ellipse, (size, size) bool; the outermost pixels are never in it."""
    x, y, width, height = box
    scale = size / window.side
    least = SMALLEST_REGION * size
    half_width = max(REGION * width * scale, least) / 2
    half_height = max(REGION * height * scale, least) / 2
    across = (np.arange(size) + 0.5 - (x + width / 2 - window.left) * scale) / half_width
    along = (np.arange(size) + 0.5 - (y + height / 2 - window.top) * scale) / half_height
    inside: Mask = along[:, None] ** 2 + across[None, :] ** 2 <= 1
    inside[[0, -1], :] = False
    inside[:, [0, -1]] = False
    return inside


def region_weights(mask: Mask) -> Film:
    """How much each pixel of a region counts, (size, size) float32 in [0, 1]: nothing at its edge, all well inside."""
    return feather(mask, round(EDGE * mask.shape[0]))


def blend(content: Film, changed: Film, mask: Mask) -> Film:
    """The changed crop where its region is, the content around it; all (size, size).

    Outside the region every pixel is the content's, to the bit.
    """
    weights = region_weights(mask)
    blended = np.clip(content + weights * (changed - content), 0.0, 1.0).astype(np.float32)
    return np.where(weights > 0, blended, content)


def put_back(film: Film, window: Window, content: Film, changed: Film) -> Film:
    """A film whose window holds what a crop of it became.

    What changed in the crop is added to the film's own pixels, at its own resolution: where the crop is smaller than
    its window the film's finest detail stays. Where nothing changed every pixel is the film's, to the bit.

    Args:
        film: (rows, columns) float32 in [0, 1].
        window: of the film.
        content: the crop before, (size, size).
        changed: the crop after.

    """
    difference = resize_difference(changed - content, window.side, window.side)
    there = film[window.slices]
    result = film.copy()
    result[window.slices] = np.where(difference != 0, np.clip(there + difference, 0.0, 1.0), there)
    return result


def resize_difference(difference: Film, rows: int, columns: int) -> Film:
    """Bring a difference of two films, in [-1, 1], to another size, as films are brought there."""
    if difference.shape == (rows, columns):
        return difference
    above, below = np.maximum(difference, 0).astype(np.float32), np.maximum(-difference, 0).astype(np.float32)
    return resize_film(above, rows, columns) - resize_film(below, rows, columns)
