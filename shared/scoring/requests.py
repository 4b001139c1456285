"""Reads the film and the mask of a scoring request."""

from mammosynth.v1 import anomaly_pb2, classifier_pb2

from shared.images import Film, Mask
from shared.rpc.films import film_from_message, mask_from_message


def films_from_request(request: anomaly_pb2.ScoreRequest | classifier_pb2.ClassifyRequest) -> tuple[Film, Mask | None]:
    """Read a request's film, (rows, columns) float32 in [0, 1], and its mask, bool, or None where it sends none.

    Raises:
        InvalidImageError: naming the field, what was found and what is needed.

    """
    film = film_from_message(request.image, "image", present=request.HasField("image"))
    return film, mask_from_message(request.mask, "mask", present=request.HasField("mask"))
