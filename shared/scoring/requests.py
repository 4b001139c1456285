"""Reads the film and the mask of a scoring request."""

from mammosynth.pixels import from_image, from_mask
from mammosynth.v1 import anomaly_pb2, classifier_pb2

from shared.errors import InvalidImageError
from shared.images import Film, Mask


def films_from_request(request: anomaly_pb2.ScoreRequest | classifier_pb2.ClassifyRequest) -> tuple[Film, Mask | None]:
    """Read a request's film, (rows, columns) float32 in [0, 1], and its mask, bool, or None where it sends none.

    NaN and values outside [0, 1] cannot arrive: pixels are unsigned integers on the wire.

    Raises:
        InvalidImageError: naming the field, what was found and what is needed.

    """
    if not request.HasField("image"):
        raise InvalidImageError("image: found none, needed a square film")
    try:
        film = from_image(request.image, name="image")
        mask = from_mask(request.mask, name="mask") if request.HasField("mask") else None
    except ValueError as error:
        raise InvalidImageError(str(error)) from error
    return film, mask
