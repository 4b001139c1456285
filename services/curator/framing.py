"""Brings a film to a square of one size: cut to the breast, turned to one side, scaled, padded."""

from dataclasses import dataclass

import numpy as np

from services.curator.entry import Box
from shared.images import Film, Mask, mirror, pad_to_square, resize_film, resize_mask

_MARGIN_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class FramedFilm:
    """A square film and how it came from the original: cut, scaled, mirrored, padded, in this order."""

    film: Film
    """(size, size) float32 in [0, 1], 0 outside the mask."""
    mask: Mask
    """(size, size) bool."""
    crop_box: tuple[int, int, int, int]
    """Part of the original: top, left, height, width, in its pixels."""
    scale: float
    """New pixels per original pixel along the rows."""
    mirrored: bool
    padding: tuple[int, int, int, int]
    """Black pixels at top, bottom, left, right."""

    def place_box(self, box: Box) -> Box | None:
        """Carry a box from the original's pixels to those of the square; None when nothing of it was kept."""
        size = self.film.shape[0]
        top, left, height, width = self.crop_box
        above, below, before, after = self.padding
        rows, columns = size - above - below, size - before - after
        first_y, last_y = (rows * (edge - top) / height for edge in (box.y, box.y + box.height))
        first_x, last_x = (columns * (edge - left) / width for edge in (box.x, box.x + box.width))
        if self.mirrored:
            first_x, last_x = columns - last_x, columns - first_x
        first_y, last_y = max(0.0, first_y), min(float(rows), last_y)
        first_x, last_x = max(0.0, first_x), min(float(columns), last_x)
        if first_y >= last_y or first_x >= last_x:
            return None
        return Box(x=before + first_x, y=above + first_y, width=last_x - first_x, height=last_y - first_y)


@dataclass(frozen=True, kw_only=True)
class OriginalFilm:
    """The same part of a film at the resolution of its file: cut and mirrored as the square is, not padded."""

    film: Film
    """(rows, columns) float32 in [0, 1], 0 outside the mask."""
    mask: Mask
    """(rows, columns) bool."""


def points_left(mask: Mask) -> bool:
    """Whether a breast points to the left: it is higher at the chest wall than at the nipple."""
    _, left, _, width = breast_box(mask)
    part = max(1, width // 6)
    first, last = mask[:, left : left + part], mask[:, left + width - part : left + width]
    return bool(np.count_nonzero(last) > np.count_nonzero(first))


def breast_box(mask: Mask, *, margin: int = 0) -> tuple[int, int, int, int]:
    """Smallest box around a mask, with a margin where the film has room: top, left, height, width in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = max(0, int(rows[0]) - margin), max(0, int(columns[0]) - margin)
    bottom = min(mask.shape[0], int(rows[-1]) + 1 + margin)
    right = min(mask.shape[1], int(columns[-1]) + 1 + margin)
    return top, left, bottom - top, right - left


def frame_film(
    film: Film, mask: Mask, *, size: int, mirror_right: bool = True, aspect_ratio: float | None = None
) -> FramedFilm:
    """Cut a film to its breast, black outside it, and fit it into a square.

    Args:
        film: (rows, columns) float32 in [0, 1].
        mask: the breast, same shape, not empty.
        size: side of the square, in pixels.
        mirror_right: flip breasts that point to the left, as right breasts mostly do, so that all point to the right.
            What the film shows decides and not its laterality: archives hold films that were scanned from behind.
        aspect_ratio: width / height of the film before it was stretched to these rows and columns; None when its
            pixels are square.

    """
    pixel_width, box = _pixel_width(film, aspect_ratio), _kept_part(mask)
    _, _, height, width = box
    scale = size / max(height, width * pixel_width)
    new_rows = min(size, max(1, round(height * scale)))
    new_columns = min(size, max(1, round(width * pixel_width * scale)))
    mirrored = mirror_right and points_left(mask)
    framed, framed_mask = _cut(film, mask, box, rows=new_rows, columns=new_columns, mirrored=mirrored)
    square, padding = pad_to_square(framed)
    square_mask = np.pad(framed_mask, ((padding[0], padding[1]), (padding[2], padding[3])))
    return FramedFilm(film=square, mask=square_mask, crop_box=box, scale=scale, mirrored=mirrored, padding=padding)


def original_film(film: Film, mask: Mask, framed: FramedFilm, *, aspect_ratio: float | None = None) -> OriginalFilm:
    """Cut a film as it was framed, at its own resolution: where its pixels are square, they stay as they are.

    Stretched films get columns as wide as their rows are high. Arguments as in `frame_film`.
    """
    _, _, height, width = framed.crop_box
    columns = max(1, round(width * _pixel_width(film, aspect_ratio)))
    cut, cut_mask = _cut(film, mask, framed.crop_box, rows=height, columns=columns, mirrored=framed.mirrored)
    return OriginalFilm(film=cut, mask=cut_mask)


def _pixel_width(film: Film, aspect_ratio: float | None) -> float:
    """Width of a pixel over its height."""
    rows, columns = film.shape
    return 1.0 if aspect_ratio is None else aspect_ratio * rows / columns


def _kept_part(mask: Mask) -> tuple[int, int, int, int]:
    return breast_box(mask, margin=round(_MARGIN_SHARE * max(mask.shape)))


def _cut(
    film: Film, mask: Mask, box: tuple[int, int, int, int], *, rows: int, columns: int, mirrored: bool
) -> tuple[Film, Mask]:
    """A part of a film and its mask, black outside it, brought to rows x columns, flipped where asked."""
    top, left, height, width = box
    cut_mask = mask[top : top + height, left : left + width]
    cut = film[top : top + height, left : left + width] * cut_mask
    brought, brought_mask = resize_film(cut, rows, columns), resize_mask(cut_mask, rows, columns)
    brought = np.where(brought_mask, brought, np.float32(0))
    if mirrored:
        brought, brought_mask = mirror(brought), np.ascontiguousarray(brought_mask[:, ::-1])
    return brought, brought_mask
