"""Masses: a benign one is round and smooth, a malignant one irregular and spiculated."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import expit

from services.curator.phantom.anatomy import Anatomy
from services.curator.phantom.texture import FloatImage


@dataclass(frozen=True, kw_only=True)
class Mass:
    """A mass in one view."""

    image: FloatImage
    """Added density, (rows, columns), 0 to about 1."""
    centre: tuple[float, float]
    """(y, x) in film heights."""
    radius: float
    """Radius of the core, in film heights."""
    box: tuple[int, int, int, int]
    """(top, left, height, width) in pixels, spicules included."""


def _place(generator: np.random.Generator, anatomy: Anatomy, radius: float) -> tuple[float, float]:
    """A place well inside the breast, off the muscle, more often in dense tissue near the nipple."""
    inside = (anatomy.depth > 1.6 * radius) & (anatomy.pectoral < 0.1)
    inside &= anatomy.x > min(1.5 * radius, 0.3 * anatomy.nipple[1])
    if not inside.any():
        inside = anatomy.depth >= anatomy.depth.max() * 0.95
    candidates = np.flatnonzero(inside)
    chosen = int(candidates[generator.integers(len(candidates))])
    return float(anatomy.y.flat[chosen]), float(anatomy.x.flat[chosen])


def _box(image: FloatImage, centre: tuple[float, float], reach: float) -> tuple[int, int, int, int]:
    """The smallest box around what stands out, no wider than `reach` about the centre."""
    rows, columns = image.shape
    top = max(0, int((centre[0] - reach) * rows))
    left = max(0, int((centre[1] - reach) * rows))
    bottom = min(rows, int(np.ceil((centre[0] + reach) * rows)) + 1)
    right = min(columns, int(np.ceil((centre[1] + reach) * rows)) + 1)
    standing_out = ndimage.find_objects((image[top:bottom, left:right] > 0.15).astype(int))
    if not standing_out:
        return top, left, bottom - top, right - left
    vertical, horizontal = standing_out[0]
    return (
        top + vertical.start,
        left + horizontal.start,
        vertical.stop - vertical.start,
        horizontal.stop - horizontal.start,
    )


def draw_benign_mass(generator: np.random.Generator, anatomy: Anatomy) -> Mass:
    """A round or oval mass with a sharp, smooth margin and an even inside."""
    radius = generator.uniform(0.026, 0.05)
    centre = _place(generator, anatomy, radius)
    stretch, turn = generator.uniform(1.0, 1.35), generator.uniform(0, np.pi)
    dy, dx = anatomy.y - centre[0], anatomy.x - centre[1]
    major = (dy * np.sin(turn) + dx * np.cos(turn)) / stretch
    minor = dy * np.cos(turn) - dx * np.sin(turn)
    distance = np.hypot(major, minor)
    image = expit((radius - distance) / 0.0035)
    image = (image * (1 - 0.25 * (distance / radius) ** 2 * (distance < radius))).astype(np.float32)
    return Mass(
        image=image,
        centre=centre,
        radius=radius,
        box=_box(image, centre, radius * stretch + 0.02),
    )


def draw_malignant_mass(generator: np.random.Generator, anatomy: Anatomy) -> Mass:
    """An irregular dense core with spicules that run out of it."""
    radius = generator.uniform(0.03, 0.055)
    centre = _place(generator, anatomy, radius)
    dy, dx = anatomy.y - centre[0], anatomy.x - centre[1]
    distance = np.hypot(dy, dx)
    angle = np.arctan2(dy, dx)
    lobes = np.zeros_like(angle)
    for order in range(2, 9):
        phase = generator.uniform(0, 2 * np.pi)
        lobes += generator.normal(0, 0.28 / order**0.7) * np.cos(order * angle + phase)
    core = expit((radius * (1 + lobes) - distance) / 0.007)
    image = np.maximum(core, _spicules(generator, distance, angle, radius))
    return Mass(
        image=image.astype(np.float32),
        centre=centre,
        radius=radius,
        box=_box(image, centre, 3.2 * radius),
    )


def _spicules(generator: np.random.Generator, distance: FloatImage, angle: FloatImage, radius: float) -> FloatImage:
    """Tapering, slightly bent rays of different lengths."""
    image = np.zeros_like(distance)
    near = distance < 4.2 * radius
    beyond = np.maximum(distance[near] - 0.6 * radius, 0)
    rays = np.zeros_like(beyond)
    for direction in generator.uniform(-np.pi, np.pi, int(generator.integers(16, 30))):
        length = radius * generator.uniform(1.0, 2.8)
        bend = generator.normal(0, 3.5)
        offset = (angle[near] - direction - bend * beyond + np.pi) % (2 * np.pi) - np.pi
        width = 0.0035 * np.maximum(1 - beyond / length, 0.05) + 0.0008
        profile = np.exp(-((offset * distance[near] / width) ** 2))
        rays = np.maximum(rays, profile * np.clip(1.1 - beyond / length, 0, 0.7))
    image[near] = rays
    return image
