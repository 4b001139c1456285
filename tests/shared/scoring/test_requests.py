"""Films and masks out of requests."""

import numpy as np
import pytest
from mammosynth.pixels import to_image, to_mask
from mammosynth.v1 import anomaly_pb2, classifier_pb2, image_pb2

from shared.errors import InvalidImageError
from shared.scoring.requests import films_from_request

FILM = (np.arange(64).reshape(8, 8) / 65535).astype(np.float32)
MASK = np.arange(64).reshape(8, 8) % 3 == 0


@pytest.mark.parametrize("kind", [anomaly_pb2.ScoreRequest, classifier_pb2.ClassifyRequest])
def test_film_and_mask_arrive_as_they_were_sent(kind: type) -> None:
    film, mask = films_from_request(kind(image=to_image(FILM), mask=to_mask(MASK)))
    np.testing.assert_array_equal(film, FILM)
    np.testing.assert_array_equal(mask, MASK)


def test_a_mask_that_is_not_sent_is_none() -> None:
    assert films_from_request(anomaly_pb2.ScoreRequest(image=to_image(FILM)))[1] is None


def short(image: image_pb2.Image) -> image_pb2.Image:
    image.data = image.data[:-1]
    return image


REFUSED = {
    "no image": ({}, "image: found none, needed a square film"),
    "empty image": ({"image": image_pb2.Image()}, "image.rows: found 0, needed 1 to 8192"),
    "too few bytes": ({"image": short(to_image(FILM))}, "image.data: found 127 bytes, needed 128"),
    "no format": ({"image": image_pb2.Image(rows=1, columns=1, data=b"11")}, "image.pixel_format: found 0"),
    "empty mask": ({"image": to_image(FILM), "mask": image_pb2.Mask()}, "mask.rows: found 0"),
}


@pytest.mark.parametrize(("fields", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_holds_no_film_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(InvalidImageError, match=message):
        films_from_request(anomaly_pb2.ScoreRequest(**fields))
