"""Films and masks of a request."""

from mammosynth.pixels import from_image, from_mask
from mammosynth.v1 import image_pb2

from shared.errors import InvalidImageError
from shared.images import Film, Mask


def film_from_message(image: image_pb2.Image, field: str, *, present: bool) -> Film:
    """Read a film, (rows, columns) float32 in [0, 1].

    NaN and values outside [0, 1] cannot arrive: pixels are unsigned integers on the wire.

    Raises:
        InvalidImageError: naming the field, what was found and what is needed.

    """
    if not present:
        raise InvalidImageError(f"{field}: found none, needed a square film")
    try:
        return from_image(image, name=field)
    except ValueError as error:
        raise InvalidImageError(str(error)) from error


def mask_from_message(mask: image_pb2.Mask, field: str, *, present: bool) -> Mask | None:
    """Read a mask, (rows, columns) bool; None where the request has none.

    Raises:
        InvalidImageError: naming the field, what was found and what is needed.

    """
    if not present:
        return None
    try:
        return from_mask(mask, name=field)
    except ValueError as error:
        raise InvalidImageError(str(error)) from error
