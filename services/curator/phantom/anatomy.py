"""Shape of a phantom breast: outline, nipple, thickness and pectoral muscle.

Coordinates are shares of the film's height: y from 0 to 1 downwards, x from 0 at the chest wall to
columns / rows. Shapes are those of a left breast, which points to the right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import PchipInterpolator
from scipy.special import expit

from services.curator.phantom.texture import FloatImage


@dataclass(frozen=True, kw_only=True)
class Patient:
    """What both breasts of a patient share."""

    size: float
    """Scale of the breast, about 1."""
    density: float
    """Share of dense tissue, from 0 (fatty) to 1 (extremely dense)."""
    fat: float
    """Brightness of fat at full thickness, in film units."""
    roundness: float
    """Exponent of the outline: 2 is an ellipse."""

    @classmethod
    def draw(cls, generator: np.random.Generator) -> "Patient":
        """Draw a patient at random."""
        return cls(
            size=generator.uniform(0.82, 1.08),
            density=float(generator.beta(2.0, 2.2)),
            fat=generator.uniform(0.26, 0.36),
            roundness=generator.uniform(1.9, 2.6),
        )


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """One breast in one view; every image is (rows, columns)."""

    y: FloatImage
    x: FloatImage
    breast: NDArray[np.bool_]
    """Where the breast (and, in MLO, the pectoral muscle) is."""
    depth: FloatImage
    """Distance to the skin, in film heights; 0 outside."""
    thickness: FloatImage
    """Share of the full compressed thickness, from 0 at the skin to 1."""
    pectoral: FloatImage
    """Share of muscle, 0 to 1; all 0 in CC."""
    nipple: tuple[float, float]
    """(y, x)."""
    height: float
    """Half of the breast's extent along y."""


def _craniocaudal_outline(
    generator: np.random.Generator, patient: Patient, y: FloatImage, width: float
) -> tuple[FloatImage, tuple[float, float], float]:
    centre = 0.5 + generator.uniform(-0.05, 0.05)
    height = float(np.clip(0.37 * patient.size + generator.uniform(-0.02, 0.02), 0.2, 0.42))
    reach = min(0.72 * width * patient.size + generator.uniform(-0.03, 0.03), 0.86 * width)
    along = np.abs(y - centre) / height
    bulge = np.maximum(1 - along**patient.roundness, 0) ** (1 / generator.uniform(1.6, 2.1))
    flare = generator.uniform(0.01, 0.06) * np.exp(-(((along - 1) / 0.16) ** 2))
    return reach * bulge + flare, (centre + generator.uniform(-0.03, 0.03), reach), height


def _oblique_outline(
    generator: np.random.Generator, patient: Patient, y: FloatImage, width: float
) -> tuple[FloatImage, tuple[float, float], float]:
    reach = min(0.74 * width * patient.size + generator.uniform(-0.03, 0.03), 0.86 * width)
    level = generator.uniform(0.58, 0.66)
    axilla = generator.uniform(0.5, 0.62) * reach
    fold = min(level + 0.27 * patient.size, 0.93)
    below = level + 0.13 * patient.size
    heights = [-0.05, 0.14, level - 0.2, level - 0.09, level, below, fold - 0.05, fold + 0.03, 1.06]
    shares = [1.0, 0.86 + 0.14 * axilla / reach, 0.95, 1.0, 0.9, 0.42, 0.18, 0.05]
    reaches = [axilla, 1.06 * axilla, shares[1] * 0.88 * reach, *(reach * share for share in shares[2:])]
    outline = PchipInterpolator(heights, reaches)(y)
    return outline.astype(np.float32), (level, reach), 0.3 * patient.size


def _pectoral(generator: np.random.Generator, y: FloatImage, x: FloatImage, nipple: tuple[float, float]) -> FloatImage:
    """Muscle in the upper corner at the chest wall, edge slightly convex and soft."""
    top = generator.uniform(0.42, 0.62) * nipple[1]
    bottom = nipple[0] + generator.uniform(-0.08, 0.06)
    share = np.clip(y / bottom, 0, 1.2)
    edge = top * (1 - share ** generator.uniform(1.0, 1.35))
    return np.asarray(expit((edge - x) / 0.006), dtype=np.float32)


def draw_anatomy(generator: np.random.Generator, patient: Patient, *, view: str, shape: tuple[int, int]) -> Anatomy:
    """Draw a left breast in a view (CC or MLO) on a film of `shape` (rows, columns)."""
    rows, columns = shape
    row, column = np.indices(shape, dtype=np.float32)
    y, x = (row + np.float32(0.5)) / np.float32(rows), (column + np.float32(0.5)) / np.float32(rows)
    draw_outline = _craniocaudal_outline if view == "CC" else _oblique_outline
    line, nipple, height = draw_outline(generator, patient, y[:, 0], columns / rows)
    wobble = ndimage.gaussian_filter1d(generator.standard_normal(rows), 0.04 * rows)
    bump = 0.018 * np.exp(-(((y[:, 0] - nipple[0]) / 0.014) ** 2))
    breast = x < (line + 0.02 * wobble + bump)[:, None]
    # The film's edge at the chest wall, and in MLO its upper edge, is not skin.
    margin = rows // 4
    padded = np.pad(breast, ((margin, margin), (margin, 0)), mode="edge")
    depth = ndimage.distance_transform_edt(padded)[margin : margin + rows, margin:] / rows
    return Anatomy(
        y=y,
        x=x,
        breast=breast,
        depth=depth.astype(np.float32),
        thickness=(1 - np.exp(-depth / 0.035)).astype(np.float32),
        pectoral=_pectoral(generator, y, x, nipple) if view == "MLO" else np.zeros_like(x),
        nipple=nipple,
        height=height,
    )
