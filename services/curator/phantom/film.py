"""A whole phantom film: tissue, mass and markings put together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from services.curator.phantom.anatomy import Anatomy, Patient, draw_anatomy
from services.curator.phantom.ducts import draw_ducts, draw_vessels
from services.curator.phantom.markings import draw_border, draw_label, draw_tape
from services.curator.phantom.mass import Mass, draw_benign_mass, draw_malignant_mass
from services.curator.phantom.texture import FloatImage, band_noise, power_law_noise, strands

LATERALITIES = ("LEFT", "RIGHT")
VIEWS = ("CC", "MLO")


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """A phantom mammogram."""

    film: FloatImage
    """(rows, columns), float32 in [0, 1]; 1 is dense."""
    breast: NDArray[np.bool_]
    """(rows, columns): where the breast is, pectoral muscle included, markings excluded."""
    lesion_box: tuple[int, int, int, int]
    """(top, left, height, width) of the mass, in pixels."""
    malignant: bool
    laterality: str
    view: str


def make_phantom(
    *,
    seed: int,
    malignant: bool,
    laterality: str = "LEFT",
    view: str = "CC",
    rows: int = 512,
    columns: int = 384,
) -> Phantom:
    """Make one phantom film.

    The seed stands for a patient: films of one seed share size, density and build. A malignant
    film has a spiculated mass and dense heterogeneous texture in the breast, strongest around the
    mass; a benign one a smooth round mass in even tissue. A left breast points to the right of the
    film and a right breast to the left. Raises ValueError for an unknown laterality or view, or a
    film below 32 x 32.
    """
    if laterality not in LATERALITIES:
        raise ValueError(f"laterality is {laterality!r}; needed: one of {LATERALITIES}")
    if view not in VIEWS:
        raise ValueError(f"view is {view!r}; needed: one of {VIEWS}")
    if rows < 32 or columns < 32:
        raise ValueError(f"film is {rows} x {columns}; needed: at least 32 x 32")
    patient = Patient.draw(np.random.default_rng((seed, 0)))
    side = 1 + LATERALITIES.index(laterality)
    generator = np.random.default_rng((seed, side, 1 + VIEWS.index(view)))
    anatomy = draw_anatomy(generator, patient, view=view, shape=(rows, columns))
    draw_mass = draw_malignant_mass if malignant else draw_benign_mass
    mass = draw_mass(generator, anatomy)
    film = _tissue(generator, patient, anatomy, mass, malignant=malignant)
    breast = anatomy.breast.copy()
    text = f"{laterality[0]}{' ' if generator.random() < 0.3 else ''}{view}"
    box = mass.box
    if laterality == "RIGHT":
        # Letters are written after mirroring, so that they can be read.
        film, breast = film[:, ::-1].copy(), breast[:, ::-1].copy()
        box = (box[0], columns - box[1] - box[3], box[2], box[3])
    _mark(generator, film, breast, text)
    return Phantom(
        film=film,
        breast=breast,
        lesion_box=box,
        malignant=malignant,
        laterality=laterality,
        view=view,
    )


def _gland(generator: np.random.Generator, patient: Patient, anatomy: Anatomy, *, malignant: bool) -> FloatImage:
    """Share of fibroglandular tissue, 0 to 1: a cone behind the nipple with clumps and gaps."""
    shape = anatomy.y.shape
    across = (anatomy.y - anatomy.nipple[0]) / (0.75 * anatomy.height)
    along = (anatomy.x - 0.62 * anatomy.nipple[1]) / (0.48 * anatomy.nipple[1])
    cone = np.exp(-(across**2) - along**2)
    clumps = power_law_noise(generator, shape, exponent=3.0, lowest=3.0)
    threshold = 0.98 - 0.6 * patient.density - (0.12 if malignant else 0.0)
    return np.asarray(expit(8 * (cone + 0.26 * clumps - threshold)), dtype=np.float32)


def _tissue(
    generator: np.random.Generator,
    patient: Patient,
    anatomy: Anatomy,
    mass: Mass,
    *,
    malignant: bool,
) -> FloatImage:
    """The breast without markings, (rows, columns) in [0, 1]."""
    shape = anatomy.y.shape
    rows = shape[0]
    gland = _gland(generator, patient, anatomy, malignant=malignant)
    fine = power_law_noise(generator, shape, exponent=2.6, lowest=5.0)
    ligaments = strands(generator, anatomy.y, anatomy.x, towards=anatomy.nipple, sharpness=4.0) + 0.7 * strands(
        generator, anatomy.y, anatomy.x, towards=(anatomy.nipple[0], -0.6), sharpness=5.0
    )
    lines = draw_ducts(generator, anatomy) * 0.10 + draw_vessels(generator, anatomy) * 0.08
    tissue = patient.fat * (1 + 0.07 * fine)
    tissue = tissue + gland * (0.24 + 0.035 * fine)
    tissue += ligaments * (0.035 + 0.09 * gland) + lines
    mass_density = 0.30 if malignant else 0.27
    tissue += mass.image * mass_density
    if malignant:
        tissue += _heterogeneity(generator, anatomy, mass, gland)
    muscle = 0.72 + 0.025 * power_law_noise(generator, shape, exponent=2.8, lowest=4.0)
    tissue = tissue + anatomy.pectoral * (np.maximum(muscle - tissue, 0.12))
    skin = 0.09 * np.exp(-(((anatomy.depth - 0.004) / 0.0035) ** 2)) * anatomy.breast
    film = tissue * anatomy.thickness * anatomy.breast + skin
    film = ndimage.gaussian_filter(film, 0.0013 * rows)
    grain = generator.standard_normal(shape).astype(np.float32)
    fog = 0.012 + 0.01 * generator.random()
    film = fog + film + (0.003 + 0.008 * film) * grain
    return np.asarray(np.clip(film, 0, 1), dtype=np.float32)


def _heterogeneity(generator: np.random.Generator, anatomy: Anatomy, mass: Mass, gland: FloatImage) -> FloatImage:
    """Coarse bright and dark clumps and short lines, strongest at the mass and in gland.

    Wavelengths of 3 to 10 % of the film's height are still there at 64 pixels.
    """
    shape = anatomy.y.shape
    clumps = band_noise(generator, shape, wavelengths=(0.03, 0.1))
    ridges = np.exp(-3.5 * np.abs(band_noise(generator, shape, wavelengths=(0.025, 0.12))))
    distance = np.hypot(anatomy.y - mass.centre[0], anatomy.x - mass.centre[1])
    nearness = np.exp(-((distance / 0.2) ** 2))
    strength = (0.35 + 0.35 * gland + 0.4 * nearness) * (1 - anatomy.pectoral)
    return np.asarray(strength * (0.085 * np.tanh(clumps) + 0.13 * ridges), dtype=np.float32)


def _mark(generator: np.random.Generator, film: FloatImage, breast: NDArray[np.bool_], text: str) -> None:
    """Add letters, tape and border to the film in place, and take the border out of `breast`."""
    draw_label(generator, film, breast, text)
    for _ in range(int(generator.integers(0, 3))):
        draw_tape(generator, film, breast)
    breast &= ~draw_border(generator, film)
