"""What lies beside the breast on a film: letters, tape, and the white border of the scan."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from services.curator.phantom.texture import FloatImage

_ATTEMPTS = 60


def draw_label(generator: np.random.Generator, film: FloatImage, breast: NDArray[np.bool_], text: str) -> None:
    """Write letters into the film, turned by any angle, where they do not touch the breast."""
    rows = film.shape[0]
    font = ImageFont.load_default(size=max(8, round(rows * generator.uniform(0.035, 0.06))))
    left, top, right, bottom = font.getbbox(text)
    plate = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(plate).text((2 - left, 2 - top), text, fill=255, font=font)
    turned = plate.rotate(generator.uniform(-60, 60), expand=True, resample=Image.Resampling.BICUBIC)
    letters = np.asarray(turned, dtype=np.float32) / 255
    place = _free_place(generator, breast, letters.shape)
    if place is not None:
        brightness = generator.uniform(0.35, 1.0)
        film[place] = np.maximum(film[place], brightness * letters)


def draw_tape(generator: np.random.Generator, film: FloatImage, breast: NDArray[np.bool_]) -> None:
    """Lay a strip of half transparent tape beside the breast, with a bright edge."""
    rows, columns = film.shape
    height = max(3, round(rows * generator.uniform(0.03, 0.07)))
    width = max(6, round(columns * generator.uniform(0.12, 0.25)))
    if generator.random() < 0.5:
        height, width = width, height
    place = _free_place(generator, breast, (height, width))
    if place is not None:
        level = generator.uniform(0.08, 0.25)
        film[place] = np.maximum(film[place], level)
        edge = film[place][:1]
        film[place][:1] = np.maximum(edge, 2.5 * level)


def _free_place(
    generator: np.random.Generator, breast: NDArray[np.bool_], shape: tuple[int, ...]
) -> tuple[slice, slice] | None:
    """A rectangle of `shape` on the half away from the chest wall, clear of the breast, if there is one."""
    rows, columns = breast.shape
    height, width = shape
    if height > rows or width > columns:
        return None
    gap = max(2, rows // 50)
    nearest = min(columns // 2, columns - width)
    points_right = breast[:, : columns // 2].sum() >= breast[:, columns // 2 :].sum()
    for _ in range(_ATTEMPTS):
        top = int(generator.integers(0, rows - height + 1))
        left = int(generator.integers(nearest, columns - width + 1))
        if not points_right:
            left = columns - width - left
        around = breast[max(0, top - gap) : top + height + gap, max(0, left - gap) : left + width + gap]
        if not around.any():
            return slice(top, top + height), slice(left, left + width)
    return None


def draw_border(generator: np.random.Generator, film: FloatImage) -> NDArray[np.bool_]:
    """White strips along some of the film's edges, as a scanner leaves them; returns where."""
    rows, columns = film.shape
    covered = np.zeros(film.shape, dtype=bool)
    row, column = np.ogrid[:rows, :columns]
    distances = (row, rows - 1 - row, column, columns - 1 - column)
    for distance, share in zip(distances, (0.5, 0.6, 0.3, 0.5), strict=True):
        if generator.random() >= share:
            continue
        along = rows if distance.shape[0] == 1 else columns
        drift = ndimage.gaussian_filter1d(generator.standard_normal(along), along / 8)
        width = rows * (generator.uniform(0.003, 0.014) + 0.02 * drift)
        shaped = width[:, None] if distance.shape[0] == 1 else width[None, :]
        covered |= distance < shaped
    film[covered] = generator.uniform(0.9, 1.0)
    return covered
