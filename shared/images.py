"""Films and masks as arrays: float32 in [0, 1] and bool in memory, 16 bit and 1 bit on disk and on the wire.

Needs numpy and Pillow only. A film is an array of shape (rows, columns), dtype float32, 0 black and 1 white; a mask is
an array of the same shape, dtype bool, True inside.
"""

import hashlib
import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from shared.errors import InvalidImageError

Film = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_MAXIMUM = 65535


def to_uint16(film: Film) -> npt.NDArray[np.uint16]:
    """Quantise a film to 16 bit, clipped to [0, 1], rounded half to even."""
    return np.rint(np.clip(film, 0.0, 1.0).astype(np.float64) * _MAXIMUM).astype(np.uint16)


def from_uint16(pixels: npt.NDArray[np.uint16]) -> Film:
    """Bring 16-bit pixels to float32 in [0, 1]; `to_uint16` gives the same pixels back."""
    return (pixels.astype(np.float32) / np.float32(_MAXIMUM)).astype(np.float32)


def validate_film(film: npt.NDArray[np.generic], *, name: str = "film", square: bool = False) -> None:
    """Check that an array is a film.

    Raises:
        InvalidImageError: naming `name`, what was found and what is needed.

    """
    if film.ndim != 2:
        raise InvalidImageError(f"{name}: found {film.ndim} dimensions, needed 2 (rows, columns)")
    if film.size == 0:
        raise InvalidImageError(f"{name}: found an empty array of shape {film.shape}, needed at least one pixel")
    if square and film.shape[0] != film.shape[1]:
        raise InvalidImageError(f"{name}: found {film.shape[0]} x {film.shape[1]} pixels, needed a square")
    if film.dtype != np.float32:
        raise InvalidImageError(f"{name}: found dtype {film.dtype}, needed float32")
    low, high = float(film.min()), float(film.max())
    # A single NaN makes both NaN.
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InvalidImageError(f"{name}: found NaN or infinite pixels, needed values within [0, 1]")
    if low < 0.0 or high > 1.0:
        raise InvalidImageError(f"{name}: found pixels from {low:g} to {high:g}, needed values within [0, 1]")


def validate_mask(mask: npt.NDArray[np.generic], shape: tuple[int, ...], *, name: str = "mask") -> None:
    """Check that an array is a mask of a film of this shape, with at least one pixel inside.

    Raises:
        InvalidImageError: naming `name`, what was found and what is needed.

    """
    if mask.dtype != np.bool_:
        raise InvalidImageError(f"{name}: found dtype {mask.dtype}, needed bool")
    if mask.shape != shape:
        raise InvalidImageError(f"{name}: found shape {mask.shape}, needed the film's {shape}")
    if not mask.any():
        raise InvalidImageError(f"{name}: found no pixel inside, needed at least one")


def encode_png16(film: Film) -> bytes:
    """Write a film as a 16-bit grey PNG."""
    buffer = io.BytesIO()
    Image.fromarray(to_uint16(film)).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def decode_png16(data: bytes) -> Film:
    """Read a 16-bit grey PNG.

    Raises:
        InvalidImageError: if the bytes are no such PNG.

    """
    image = _open_png(data)
    if image.mode not in ("I;16", "I"):
        raise InvalidImageError(f"PNG: found mode {image.mode}, needed 16-bit grey")
    return from_uint16(np.asarray(image).astype(np.uint16))


def encode_mask_png(mask: Mask) -> bytes:
    """Write a mask as a 1-bit PNG."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, format="PNG")
    return buffer.getvalue()


def decode_mask_png(data: bytes) -> Mask:
    """Read a 1-bit PNG.

    Raises:
        InvalidImageError: if the bytes are no such PNG.

    """
    image = _open_png(data)
    if image.mode != "1":
        raise InvalidImageError(f"PNG: found mode {image.mode}, needed 1 bit")
    return np.asarray(image, dtype=np.bool_)


def _open_png(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidImageError(f"PNG: {error}") from error
    return image


def resize_film(film: Film, rows: int, columns: int) -> Film:
    """Bring a film to `rows` x `columns`: bilinear, antialiased when it shrinks. The only resize there is.

    Values stay within those of the input; a film of that size is returned as it is.
    """
    if film.shape == (rows, columns):
        return film
    resized = Image.fromarray(film).resize((columns, rows), resample=Image.Resampling.BILINEAR)
    return np.clip(np.asarray(resized, dtype=np.float32), 0.0, 1.0)


def resize_mask(mask: Mask, rows: int, columns: int) -> Mask:
    """Bring a mask to `rows` x `columns`: inside is what is covered by half or more."""
    if mask.shape == (rows, columns):
        return mask
    return resize_film(mask.astype(np.float32), rows, columns) >= 0.5


def pad_to_square(film: Film) -> tuple[Film, tuple[int, int, int, int]]:
    """Pad a film with black to a square; returns it and the padding (top, bottom, left, right) in pixels."""
    rows, columns = film.shape
    side = max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    padding = (top, side - rows - top, left, side - columns - left)
    return np.pad(film, ((padding[0], padding[1]), (padding[2], padding[3]))), padding


def mirror(film: Film) -> Film:
    """Flip a film left to right."""
    return np.ascontiguousarray(film[:, ::-1])


def sha256_pixels(film: Film) -> str:
    """Hash of a film's shape and 16-bit pixels: equal hashes are what "the same film" means."""
    digest = hashlib.sha256(f"{film.shape[0]}x{film.shape[1]}:".encode())
    digest.update(to_uint16(film).astype("<u2").tobytes())
    return digest.hexdigest()
