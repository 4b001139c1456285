"""Films as image files."""

import io

import numpy as np
from PIL import Image

from shared.images import Film, encode_png16

_JPEG_QUALITY = 95


def encode(film: Film, image_format: str) -> bytes:
    """Write a film as 16-bit grey PNG ("png"), or as 8-bit grey JPEG ("jpeg"), which is lossy."""
    if image_format == "png":
        return encode_png16(film)
    buffer = io.BytesIO()
    pixels = np.rint(film * 255).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
