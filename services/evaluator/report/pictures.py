"""Films as pictures of a page: PNG data URIs."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from shared.images import Film
from shared.pictures import Window, difference_picture, film_picture


def film_uri(film: Film, window: Window) -> str:
    """Write a film as a data URI of an 8-bit grey PNG."""
    return _data_uri(film_picture(film, window))


def difference_uri(difference: npt.NDArray[np.float32], amplification: float) -> str:
    """Write a signed difference as a data URI: black where nothing changed, orange brighter, blue darker.

    Args:
        difference: (rows, columns), output minus content, -1 to 1.
        amplification: what it is multiplied by; 1 after that is full colour.

    """
    return _data_uri(difference_picture(difference, amplification))


def _data_uri(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
