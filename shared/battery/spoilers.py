"""Ways to spoil a film that need no style transfer: noise, blur, patterns, patches, wrong contrast, seams.

A spoiler takes a film, (S, S) float32 in [0, 1], its breast mask, (S, S) bool, a donor film of the same size and a
random generator, and returns float32 (S, S) of any range; `spoil` brings it back into the mask and into [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from shared.images import Film, Mask

Spoiling = Callable[[Film, Mask, Film, np.random.Generator], Film]

STRENGTH = 0.25
"""Strength of noise and of the checkerboard, as a share of the standard deviation of the film inside the breast."""
CHECK_SIDE = 2
"""Side of a field of the checkerboard, in pixels."""
BLUR_SHARE = 1 / 64
"""Standard deviation of the blur, as a share of the film's side."""
PATCH_SHARE = 1 / 4
"""Side of the foreign patch, as a share of the film's side."""
CONTRAST = 3.0
"""What grey levels' distances from the breast's mean are multiplied or divided by."""
SEAM_WIDTH = 2
"""Width of the seam, in pixels."""
SEAM_STRENGTH = 1.0
"""What the seam is brighter by, as a share of the standard deviation of the film inside the breast."""


def add_noise(film: Film, mask: Mask, _donor: Film, generator: np.random.Generator) -> Film:
    """Add white Gaussian noise."""
    return film + generator.normal(size=film.shape).astype(np.float32) * _deviation(film, mask, STRENGTH)


def add_checkerboard(film: Film, mask: Mask, _donor: Film, _generator: np.random.Generator) -> Film:
    """Add a checkerboard of bright and dark fields, what upsampling networks leave behind."""
    rows, columns = np.indices(film.shape) // CHECK_SIDE
    return film + np.where((rows + columns) % 2, 1, -1).astype(np.float32) * _deviation(film, mask, STRENGTH)


def blur(film: Film, _mask: Mask, _donor: Film, _generator: np.random.Generator) -> Film:
    """Blur with a Gaussian, cut off at three standard deviations; the border's pixels go on outside."""
    deviation = max(film.shape[0] * BLUR_SHARE, 0.5)
    radius = int(np.ceil(3 * deviation))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    taps /= taps.sum()
    blurred = np.pad(film.astype(np.float64), radius, mode="edge")
    for axis in (0, 1):
        size = film.shape[axis]
        blurred = sum(
            tap * np.take(blurred, np.arange(shift, shift + size), axis=axis) for shift, tap in enumerate(taps)
        )
    return blurred.astype(np.float32)


def paste_patch(film: Film, mask: Mask, donor: Film, generator: np.random.Generator) -> Film:
    """Put a square of the donor film somewhere in the breast, brought to the brightness found there."""
    side = max(2, round(film.shape[0] * PATCH_SHARE))
    last = film.shape[0] - side
    inside = np.argwhere(mask)
    row, column = np.clip(inside[generator.integers(len(inside))] - side // 2, 0, last)
    place = np.s_[row : row + side, column : column + side]
    spoiled = film.copy()
    spoiled[place] = donor[place] - donor[place].mean() + film[place].mean()
    return spoiled


def raise_contrast(film: Film, mask: Mask, _donor: Film, _generator: np.random.Generator) -> Film:
    """Spread grey levels away from the breast's mean, as too narrow a window does; the ends become black and white."""
    mean = np.float32(film[mask].mean())
    return mean + (film - mean) * np.float32(CONTRAST)


def lower_contrast(film: Film, mask: Mask, _donor: Film, _generator: np.random.Generator) -> Film:
    """Draw grey levels towards the breast's mean, as too wide a window does."""
    mean = np.float32(film[mask].mean())
    return mean + (film - mean) / np.float32(CONTRAST)


def draw_seam(film: Film, mask: Mask, _donor: Film, _generator: np.random.Generator) -> Film:
    """Brighten a line just inside the mask's edge, as a film does that was worked on inside its mask alone.

    Where the mask meets the film's border there is no seam: nothing ends there.
    """
    inner = np.pad(mask, SEAM_WIDTH, mode="edge")
    for _ in range(SEAM_WIDTH):
        inner = inner[1:-1, 1:-1] & inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    return film + np.where(mask & ~inner, _deviation(film, mask, SEAM_STRENGTH), np.float32(0))


def _deviation(film: Film, mask: Mask, share: float) -> np.float32:
    return np.float32(share * film[mask].std())


@dataclass(frozen=True)
class Spoiler:
    """A way to spoil a film, and the numbers that say how much."""

    spoil: Spoiling
    number: int
    """Enters the random generator's seed; never given to another kind."""
    parameters: dict[str, float] = field(default_factory=dict)


SPOILERS: dict[str, Spoiler] = {
    "noise": Spoiler(add_noise, 0, {"strength": STRENGTH}),
    "blur": Spoiler(blur, 1, {"share_of_side": BLUR_SHARE}),
    "checkerboard": Spoiler(add_checkerboard, 2, {"strength": STRENGTH, "side": CHECK_SIDE}),
    "patch": Spoiler(paste_patch, 3, {"share_of_side": PATCH_SHARE}),
    "high_contrast": Spoiler(raise_contrast, 4, {"factor": CONTRAST}),
    "low_contrast": Spoiler(lower_contrast, 5, {"factor": 1 / CONTRAST}),
    "seam": Spoiler(draw_seam, 6, {"strength": SEAM_STRENGTH, "width": SEAM_WIDTH}),
}
"""By kind."""


def spoil(kind: str, film: Film, mask: Mask, donor: Film, *, seed: tuple[int, ...]) -> Film:
    """Spoil a film as `kind`, one of `SPOILERS`, says: only inside its mask, still within [0, 1].

    Equal arguments give equal pixels. `seed` is the run's seed and whatever tells this film from others.
    """
    spoiler = SPOILERS[kind]
    generator = np.random.default_rng([seed[0], spoiler.number, *seed[1:]])
    spoiled = spoiler.spoil(film, mask, donor, generator)
    return np.where(mask, np.clip(spoiled, 0, 1), film).astype(np.float32)
