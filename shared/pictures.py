"""Films and differences as 8-bit pictures for people's eyes. Needs numpy and Pillow only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from shared.images import Film, Mask

_AMPLIFICATIONS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Window:
    """Grey levels of a film that become black and white."""

    low: float
    high: float


def choose_window(film: Film, mask: Mask | None) -> Window:
    """Spread the grey levels of the breast over black to white.

    Args:
        film: (rows, columns) float32 in [0, 1].
        mask: the same shape, True inside the breast; all that is not black is taken where there is none.

    """
    inside = film[film > 0.02 if mask is None else mask]
    if inside.size == 0:
        return Window(0.0, 1.0)
    low, high = (float(value) for value in np.percentile(inside, (1.0, 99.8)))
    return Window(low, high) if high - low > 0.02 else Window(0.0, 1.0)


def film_picture(film: Film, window: Window) -> Image.Image:
    """Make an 8-bit grey picture of a film."""
    return Image.fromarray(_to_uint8((film - window.low) / (window.high - window.low)))


def difference_picture(difference: npt.NDArray[np.float32], amplification: float) -> Image.Image:
    """Make a picture with a palette: black where nothing changed, orange brighter, blue darker.

    Args:
        difference: (rows, columns), output minus content, -1 to 1.
        amplification: what it is multiplied by; 1 after that is full colour.

    """
    levels = _to_uint8((np.clip(difference * amplification, -1.0, 1.0) + 1.0) / 2.0)
    picture = Image.fromarray(levels)
    picture.putpalette(_diverging_palette())
    return picture


def choose_amplification(differences: Sequence[npt.NDArray[np.float32]]) -> int:
    """One amplification for all differences of a page, such that most of each stays within full colour."""
    if not differences:
        return 1
    typical = float(np.median([np.percentile(np.abs(difference), 99.0) for difference in differences]))
    fitting = [value for value in _AMPLIFICATIONS if value * typical <= 1.0]
    return fitting[-1] if fitting else 1


def _to_uint8(scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.uint8] = np.rint(np.clip(scaled, 0.0, 1.0) * 255.0).astype(np.uint8)
    return levels


def _diverging_palette() -> list[int]:
    """256 colours, blue to black to orange; the middle two, where nothing changed, are black."""
    position = (np.arange(256) - 127.5) / 127.5
    strength = np.clip((np.abs(position) - 1 / 127) / (1 - 1 / 127), 0.0, 1.0)[:, None] ** 0.7
    ends = np.where(position[:, None] > 0, np.array([[255, 176, 64]]), np.array([[90, 176, 255]]))
    return [int(value) for value in np.rint(strength * ends).ravel()]
