"""Finds the breast on a film: letters, tape and white borders are left outside."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shared.errors import InvalidImageError
from shared.images import Film, Mask, resize_film, validate_film

_WORKING_SIDE = 320
_BORDER_SHARE = 0.08
_BORDER_LEVEL = 0.8
_BORDER_LENGTH = 0.4
_BORDER_DROP = 0.1
_OPENING_RADIUS = 8


def otsu_threshold(values: NDArray[np.float32]) -> float:
    """Threshold between two classes of values in [0, 1] that separates their means best (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=256, range=(0.0, 1.0))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sum_below = np.cumsum(counts * centres)
    mean_below = sum_below / np.maximum(below, 1)
    mean_above = (sum_below[-1] - sum_below) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (mean_below - mean_above) ** 2)])


def find_border(film: Film) -> Mask:
    """White strips along the film's edges, at most 8 % of its height or width deep.

    At each place along an edge the bright run from the edge inwards is measured. A run that goes on past 8 %, or fades
    slowly, is tissue (muscle) and stays, and so does what is bright along less than 40 % of an edge; the depth of the
    others is made even along the edge.
    """
    border = np.zeros(film.shape, dtype=bool)
    level = _BORDER_LEVEL * float(film.max())
    for turns in range(4):
        turned, marked = np.rot90(film, turns), np.rot90(border, turns)
        limit = max(3, round(_BORDER_SHARE * turned.shape[0]))
        strip = turned[: limit + 4]
        bright = strip > level
        # A dark line of up to a third of the limit may lie between the film's edge and the white.
        begun = np.maximum.accumulate(bright, axis=0)
        begun_in_time = begun[limit // 3]
        run = np.logical_and.accumulate(bright | ~begun, axis=0) & begun_in_time
        depth = run.sum(axis=0)
        # White ends sharply, muscle fades.
        within = np.take_along_axis(strip, np.maximum(depth - 3, 0)[None, :], axis=0)[0]
        beyond = np.take_along_axis(strip, np.minimum(depth + 3, limit + 3)[None, :], axis=0)[0]
        depth[(depth > limit) | (within - beyond < _BORDER_DROP * film.max())] = 0
        if (depth > 0).mean() < _BORDER_LENGTH:
            continue
        window = max(3, turned.shape[1] // 12)
        even = ndimage.median_filter(depth, size=window, mode="nearest")
        depth = np.where((depth > 0) | (even > 0), np.maximum(np.minimum(depth, even + 2), even), 0)
        marked |= np.arange(turned.shape[0])[:, None] < depth[None, :]
    return border


def find_breast(film: Film, *, name: str = "film") -> Mask:
    """Find the breast: the largest bright part of the film once borders are gone, holes filled, outline smoothed.

    Args:
        film: (rows, columns) float32 in [0, 1], dense tissue bright.
        name: how errors name the film.

    Returns:
        Mask of the same shape.

    Raises:
        InvalidImageError: if the film is no film, is even, or holds nothing that could be a breast.

    """
    validate_film(film, name=name)
    rows, columns = film.shape
    shrink = _WORKING_SIDE / max(rows, columns)
    small = resize_film(film, max(8, round(rows * shrink)), max(8, round(columns * shrink)))
    mask = _find_on_small(small)
    if mask.mean() < 0.01:
        raise InvalidImageError(f"{name}: found no breast, needed a bright region on a dark ground")
    smooth = ndimage.gaussian_filter(mask.astype(np.float32), 1.5, mode="nearest")
    return resize_film(np.clip(smooth, 0, 1), rows, columns) >= 0.5


def _find_on_small(film: Film) -> Mask:
    border = find_border(film)
    border = ndimage.binary_dilation(border, iterations=2) if border.any() else border
    calm = ndimage.gaussian_filter(np.where(border, 0, film), 1.0)
    inside = calm[~border]
    if inside.size == 0:
        return np.zeros(film.shape, dtype=bool)
    ground = float(np.percentile(inside, 5))
    threshold = ground + max(0.02, 0.14 * (otsu_threshold(inside) - ground))
    bright = (calm > threshold) & ~border
    # Opening cuts off letters, tape and what runs along the film's edge; what it took from the breast itself (the
    # nipple) comes back.
    opened = _largest_component(open_with_disc(bright, _OPENING_RADIUS))
    breast = ndimage.binary_dilation(opened, _disc(_OPENING_RADIUS // 2), mask=bright)
    return np.asarray(ndimage.binary_fill_holes(breast), dtype=bool)


def open_with_disc(mask: Mask, radius: int) -> Mask:
    """Opening of a mask with a disc; outside of the mask's edges nothing is set.

    What `scipy.ndimage.binary_opening` gives, by distances, which takes a third of the time: a pixel is kept where the
    nearest one that is not set is further than the radius, then what is no further than that from a kept one is set.
    """
    between = radius * radius + 0.5
    kept = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] ** 2 > between
    if not kept.any():
        return kept
    return np.asarray(ndimage.distance_transform_edt(~kept) ** 2 < between, dtype=bool)


def _disc(radius: int) -> Mask:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius, dtype=bool)


def _largest_component(mask: Mask) -> Mask:
    labelled, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labelled.ravel())
    sizes[0] = 0
    return np.asarray(labelled == sizes.argmax(), dtype=bool)
