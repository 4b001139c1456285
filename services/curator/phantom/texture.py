"""Random fields that breast tissue is made of."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatImage = NDArray[np.float32]


def _radial_frequency(rows: int, columns: int) -> FloatImage:
    """Frequency of each coefficient of a real 2-D Fourier transform, in cycles per film height."""
    vertical = np.fft.fftfreq(rows)[:, None]
    horizontal = np.fft.rfftfreq(columns)[None, :]
    return np.asarray(np.hypot(vertical, horizontal) * rows, dtype=np.float32)


def _standardised(field: NDArray[np.floating]) -> FloatImage:
    centred = field - field.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-9), dtype=np.float32)


def power_law_noise(
    generator: np.random.Generator, shape: tuple[int, int], *, exponent: float, lowest: float = 1.0
) -> FloatImage:
    """Noise whose power falls as frequency to the minus `exponent`, of mean 0 and deviation 1.

    Mammographic tissue has an exponent of about 3 (Burgess 2001). `lowest` is the frequency, in
    cycles per film height, below which the power stays flat.
    """
    rows, columns = shape
    amplitude = np.maximum(_radial_frequency(rows, columns), lowest) ** (-exponent / 2)
    white = np.fft.rfft2(generator.standard_normal(shape))
    return _standardised(np.fft.irfft2(white * amplitude, s=shape))


def band_noise(
    generator: np.random.Generator, shape: tuple[int, int], *, wavelengths: tuple[float, float]
) -> FloatImage:
    """Noise between two wavelengths (shortest, longest; shares of the film's height).

    Mean 0, deviation 1; the band's edges are soft.
    """
    shortest, longest = wavelengths
    rows, columns = shape
    frequency = _radial_frequency(rows, columns)
    band = np.exp(-((frequency * shortest) ** 4)) * (1 - np.exp(-((frequency * longest) ** 4)))
    white = np.fft.rfft2(generator.standard_normal(shape))
    return _standardised(np.fft.irfft2(white * band, s=shape))


def strands(
    generator: np.random.Generator,
    y: FloatImage,
    x: FloatImage,
    *,
    towards: tuple[float, float],
    sharpness: float,
) -> FloatImage:
    """Bright curved lines that run towards a point, as Cooper's ligaments and ducts do.

    Ridges of a noise that is drawn in polar coordinates about `towards` (y, x) and stretched along
    the radius. `y` and `x` are the film's coordinates; returns (rows, columns) in [0, 1].
    """
    radius = np.hypot(y - towards[0], x - towards[1])
    angle = np.arctan2(y - towards[0], x - towards[1])
    field = power_law_noise(generator, (512, 512), exponent=2.4, lowest=6.0)
    warp = power_law_noise(generator, y.shape, exponent=3.2)
    across = (angle / (2 * np.pi) + 0.5 + 0.012 * warp) * 512
    along = (radius * 0.9 + 0.02 * warp) * 512 * 0.45
    sampled = ndimage.map_coordinates(field, (across, along), order=1, mode="grid-wrap")
    return np.exp(-np.abs(sampled) * sharpness).astype(np.float32)
