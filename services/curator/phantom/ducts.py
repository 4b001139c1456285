"""Ducts that branch from the nipple, and vessels that cross the breast, drawn as thin lines."""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from services.curator.phantom.anatomy import Anatomy
from services.curator.phantom.texture import FloatImage

_OVERSAMPLING = 2


class _Canvas:
    """Lines in film coordinates, drawn at twice the film's resolution and averaged down."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        rows, columns = shape
        self._image = Image.new("L", (columns * _OVERSAMPLING, rows * _OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)

    def line(self, start: tuple[float, float], end: tuple[float, float], width: float, brightness: float) -> None:
        scale = self.shape[0] * _OVERSAMPLING
        self._draw.line(
            (start[1] * scale, start[0] * scale, end[1] * scale, end[0] * scale),
            fill=round(255 * brightness),
            width=max(1, round(width * scale)),
        )

    def read(self) -> FloatImage:
        rows, columns = self.shape
        fine = np.asarray(self._image, dtype=np.float32) / 255
        coarse = fine.reshape(rows, _OVERSAMPLING, columns, _OVERSAMPLING).mean(axis=(1, 3))
        return ndimage.gaussian_filter(coarse, 0.0012 * rows).astype(np.float32)


def draw_ducts(generator: np.random.Generator, anatomy: Anatomy) -> FloatImage:
    """Duct trees as brightness in [0, 1], (rows, columns)."""
    canvas = _Canvas(anatomy.y.shape)
    for direction in np.linspace(-0.95, 0.95, int(generator.integers(7, 12))):
        heading = float(np.pi + direction + generator.normal(0, 0.1))
        _grow(
            canvas,
            generator,
            start=anatomy.nipple,
            heading=heading,
            width=0.0045,
            segments=int(generator.integers(14, 24)),
        )
    return canvas.read()


def _grow(
    canvas: _Canvas,
    generator: np.random.Generator,
    *,
    start: tuple[float, float],
    heading: float,
    width: float,
    segments: int,
) -> None:
    """A branch that wanders, thins and splits."""
    y, x = start
    for segment in range(segments):
        heading += generator.normal(0, 0.16)
        step = generator.uniform(0.014, 0.024)
        end = (y + step * np.sin(heading), x + step * np.cos(heading))
        canvas.line((y, x), end, width, min(1.0, 0.35 + 90 * width))
        y, x = end
        width *= 0.955
        if width > 0.0014 and segment > 2 and generator.random() < 0.2:
            turn = generator.choice((-1, 1)) * generator.uniform(0.3, 0.7)
            _grow(
                canvas,
                generator,
                start=end,
                heading=heading + turn,
                width=width * 0.75,
                segments=segments - segment,
            )


def draw_vessels(generator: np.random.Generator, anatomy: Anatomy) -> FloatImage:
    """A few long winding vessels as brightness in [0, 1], (rows, columns)."""
    canvas = _Canvas(anatomy.y.shape)
    for _ in range(int(generator.integers(1, 4))):
        y = anatomy.nipple[0] + generator.uniform(-0.8, 0.8) * anatomy.height
        x = 0.0
        heading = float(generator.normal(0, 0.25))
        width = generator.uniform(0.002, 0.0035)
        while x < anatomy.nipple[1] and width > 0.001:
            heading = 0.93 * heading + generator.normal(0, 0.16)
            end = (y + 0.012 * np.sin(heading), x + 0.012 * np.cos(heading))
            canvas.line((y, x), end, width, 0.8)
            y, x = end
            width *= 0.992
    return canvas.read()
