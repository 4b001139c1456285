"""Films and masks as arrays and as messages: 16 bit and 1 bit a pixel on the wire."""

import numpy as np
import numpy.typing as npt

from mammosynth.v1 import image_pb2

MAXIMUM_SIDE = 8192

_DTYPES: dict[int, np.dtype[np.uint16] | np.dtype[np.uint8]] = {
    image_pb2.PIXEL_FORMAT_GRAY16_LE: np.dtype("<u2"),
    image_pb2.PIXEL_FORMAT_GRAY8: np.dtype("u1"),
}


def to_image(film: npt.NDArray[np.float32]) -> image_pb2.Image:
    """Make a 16-bit message of a film.

    Args:
        film: (rows, columns), floating point in [0, 1]; rounded half to even to 16 bit.

    Raises:
        ValueError: if it is no such array.

    """
    array = np.asarray(film)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"film: found shape {array.shape}, needed (rows, columns)")
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"film: found dtype {array.dtype}, needed floating point in [0, 1]")
    if not np.isfinite(array).all() or float(array.min()) < 0.0 or float(array.max()) > 1.0:
        raise ValueError("film: found values outside [0, 1], or NaN")
    pixels = np.rint(array.astype(np.float64) * 65535).astype("<u2")
    return image_pb2.Image(
        data=pixels.tobytes(),
        pixel_format=image_pb2.PIXEL_FORMAT_GRAY16_LE,
        rows=array.shape[0],
        columns=array.shape[1],
    )


def from_image(image: image_pb2.Image, *, name: str = "image") -> npt.NDArray[np.float32]:
    """Read a message as a film: (rows, columns) float32 in [0, 1].

    Raises:
        ValueError: naming the field, what was found and what is needed.

    """
    _check_sides(image.rows, image.columns, name)
    dtype = _DTYPES.get(image.pixel_format)
    if dtype is None:
        raise ValueError(
            f"{name}.pixel_format: found {image.pixel_format}, needed PIXEL_FORMAT_GRAY16_LE or PIXEL_FORMAT_GRAY8"
        )
    needed = image.rows * image.columns * dtype.itemsize
    if len(image.data) != needed:
        raise ValueError(
            f"{name}.data: found {len(image.data)} bytes, needed {needed} for {image.rows} x {image.columns} pixels"
        )
    pixels = np.frombuffer(image.data, dtype=dtype).reshape(image.rows, image.columns).astype(np.float32)
    return pixels / np.float32(np.iinfo(dtype).max)


def to_mask(mask: npt.NDArray[np.bool_]) -> image_pb2.Mask:
    """Make a message of a mask.

    Args:
        mask: (rows, columns) bool, True inside.

    Raises:
        ValueError: if it is no such array.

    """
    array = np.asarray(mask)
    if array.ndim != 2 or array.size == 0 or array.dtype != np.bool_:
        raise ValueError(f"mask: found {array.dtype} of shape {array.shape}, needed bool of (rows, columns)")
    return image_pb2.Mask(data=np.packbits(array, axis=1).tobytes(), rows=array.shape[0], columns=array.shape[1])


def from_mask(mask: image_pb2.Mask, *, name: str = "mask") -> npt.NDArray[np.bool_]:
    """Read a message as a mask: (rows, columns) bool.

    Raises:
        ValueError: naming the field, what was found and what is needed.

    """
    _check_sides(mask.rows, mask.columns, name)
    row_bytes = (mask.columns + 7) // 8
    if len(mask.data) != mask.rows * row_bytes:
        raise ValueError(
            f"{name}.data: found {len(mask.data)} bytes, needed {mask.rows * row_bytes} "
            f"for {mask.rows} x {mask.columns} bits, rows padded to whole bytes"
        )
    packed = np.frombuffer(mask.data, dtype=np.uint8).reshape(mask.rows, row_bytes)
    return np.unpackbits(packed, axis=1, count=mask.columns).astype(np.bool_)


def _check_sides(rows: int, columns: int, name: str) -> None:
    for side, found in (("rows", rows), ("columns", columns)):
        if not 1 <= found <= MAXIMUM_SIDE:
            raise ValueError(f"{name}.{side}: found {found}, needed 1 to {MAXIMUM_SIDE}")
