"""A film on the prepared square, or brought back to the grid of its content's original."""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from shared.crops import Window
from shared.dataset import Origin
from shared.images import Film, Mask, mirror, resize_film, resize_mask

_Pixels = TypeVar("_Pixels", Film, Mask)
PixelBox = tuple[int, int, int, int]
"""First column and row, from 0, width and height, in pixels."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class PlacedFilm:
    """A film and what its pixels measure."""

    film: Film
    """(rows, columns) float32 in [0, 1]."""
    mask: Mask
    """The breast, same shape."""
    spacing: tuple[float, float] | None
    """Between rows and between columns, in millimetres, where it is known."""


def on_prepared_grid(film: Film, mask: Mask, origin: Origin, spacing: tuple[float, float] | None) -> PlacedFilm:
    """Take a film as it is; its spacing follows from that of the original and the resizing.

    Args:
        film: (size, size).
        mask: same shape.
        origin: how the content was prepared.
        spacing: of the original, between rows and between columns, in millimetres.

    """
    if spacing is None:
        return PlacedFilm(film, mask, None)
    inner, (_, _, height, width) = _without_padding(film, origin), origin.crop_box
    return PlacedFilm(film, mask, (spacing[0] * height / inner.shape[0], spacing[1] * width / inner.shape[1]))


def on_original_grid(film: Film, mask: Mask, origin: Origin, spacing: tuple[float, float] | None) -> PlacedFilm:
    """Undo padding, mirroring, scaling and cropping; black outside the breast, as labels and tape are never copied.

    Args:
        film: (size, size).
        mask: same shape.
        origin: how the content was prepared; its rows and columns are those of the result.
        spacing: of the original, between rows and between columns, in millimetres.

    """
    return back_in_its_file(_without_padding(film, origin), _without_padding(mask, origin), origin, spacing)


def back_in_its_file(inner: Film, inner_mask: Mask, origin: Origin, spacing: tuple[float, float] | None) -> PlacedFilm:
    """Undo mirroring, scaling and cropping of a film without padding; arguments otherwise as in `on_original_grid`."""
    if origin.mirrored:
        inner, inner_mask = mirror(inner), np.ascontiguousarray(inner_mask[:, ::-1])
    crop_top, crop_left, height, width = origin.crop_box
    box = slice(crop_top, crop_top + height), slice(crop_left, crop_left + width)
    placed_mask = np.zeros((origin.rows, origin.columns), dtype=np.bool_)
    placed_mask[box] = resize_mask(inner_mask, height, width)
    placed = np.zeros((origin.rows, origin.columns), dtype=np.float32)
    placed[box] = resize_film(np.ascontiguousarray(inner), height, width)
    placed[~placed_mask] = 0.0
    return PlacedFilm(placed, placed_mask, spacing)


def box_on_prepared_grid(window: Window, shape: tuple[int, ...], origin: Origin, size: int) -> PixelBox:
    """Where a window of the film at its own resolution lies in the prepared square.

    Args:
        window: of the film as the data set keeps it.
        shape: of that film.
        origin: how it was prepared.
        size: rows and columns of the prepared square.

    """
    top, bottom, left, right = origin.padding
    down, along = (size - top - bottom) / shape[0], (size - left - right) / shape[1]
    return _box(window.left * along + left, window.top * down + top, window.side * along, window.side * down)


def box_on_original_grid(window: Window, shape: tuple[int, ...], origin: Origin) -> PixelBox:
    """Where such a window lies in the original's rows and columns; arguments as in `box_on_prepared_grid`."""
    top, left, height, width = origin.crop_box
    down, along = height / shape[0], width / shape[1]
    column = shape[1] - window.left - window.side if origin.mirrored else window.left
    return _box(column * along + left, window.top * down + top, window.side * along, window.side * down)


def _box(x: float, y: float, width: float, height: float) -> PixelBox:
    """The whole pixels that a box reaches into."""
    left, top = math.floor(x + _ROUNDING), math.floor(y + _ROUNDING)
    return left, top, math.ceil(x + width - _ROUNDING) - left, math.ceil(y + height - _ROUNDING) - top


def _without_padding(pixels: _Pixels, origin: Origin) -> _Pixels:
    top, bottom, left, right = origin.padding
    return np.ascontiguousarray(pixels[top : pixels.shape[0] - bottom, left : pixels.shape[1] - right])
