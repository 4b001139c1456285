"""Films and masks as messages, both ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mammosynth.pixels import from_image, from_mask, to_image, to_mask
from mammosynth.v1 import image_pb2

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20)


@given(hnp.arrays(np.uint16, SHAPES))
def test_every_16_bit_value_survives_the_way_there_and_back(pixels: np.ndarray) -> None:
    film = (pixels / 65535).astype(np.float32)
    message = to_image(film)
    assert message.data == pixels.astype("<u2").tobytes()
    back = from_image(message)
    np.testing.assert_array_equal(to_image(back).data, message.data)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, film, atol=1e-7)


@given(hnp.arrays(np.bool_, SHAPES))
def test_every_mask_survives_the_way_there_and_back(mask: np.ndarray) -> None:
    back = from_mask(to_mask(mask))
    np.testing.assert_array_equal(back, mask)
    assert back.dtype == np.bool_


@given(st.sampled_from([np.float16, np.float32, np.float64]))
def test_black_and_white_stay_black_and_white(dtype: type) -> None:
    film = np.array([[0.0, 1.0]], dtype=dtype)
    assert to_image(film).data == b"\x00\x00\xff\xff"
    np.testing.assert_array_equal(from_image(to_image(film)), film)


def test_pixels_are_rounded_half_to_even() -> None:
    film = np.array([[0.5, 1.5, 2.5]]) / 65535
    assert np.frombuffer(to_image(film).data, "<u2").tolist() == [0, 2, 2]


def test_8_bit_pixels_are_read_on_their_own_scale() -> None:
    message = image_pb2.Image(data=b"\x00\x33\xff", pixel_format=image_pb2.PIXEL_FORMAT_GRAY8, rows=1, columns=3)
    np.testing.assert_allclose(from_image(message), [[0.0, 0.2, 1.0]], atol=1e-7)


def test_a_masks_rows_start_at_whole_bytes_with_the_first_pixel_in_the_highest_bit() -> None:
    mask = np.zeros((2, 9), dtype=np.bool_)
    mask[0, 0] = mask[1, 8] = True
    assert to_mask(mask).data == b"\x80\x00\x00\x80"


FILMS_REFUSED = {
    "three dimensions": (np.zeros((1, 2, 2), np.float32), r"found shape \(1, 2, 2\)"),
    "empty": (np.zeros((0, 2), np.float32), r"found shape \(0, 2\)"),
    "integers": (np.zeros((2, 2), np.uint16), "found dtype uint16"),
    "NaN": (np.full((2, 2), np.nan, np.float32), "found values outside"),
    "infinite": (np.full((2, 2), np.inf, np.float32), "found values outside"),
    "above 1": (np.full((2, 2), 1.01, np.float32), "found values outside"),
    "below 0": (np.full((2, 2), -0.01, np.float32), "found values outside"),
}


@pytest.mark.parametrize(("film", "message"), FILMS_REFUSED.values(), ids=FILMS_REFUSED.keys())
def test_an_array_that_is_no_film_is_refused(film: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"film: {message}"):
        to_image(film)


MASKS_REFUSED = {
    "floating point": np.zeros((2, 2), np.float32),
    "three dimensions": np.zeros((1, 2, 2), np.bool_),
    "empty": np.zeros((2, 0), np.bool_),
}


@pytest.mark.parametrize("mask", MASKS_REFUSED.values(), ids=MASKS_REFUSED.keys())
def test_an_array_that_is_no_mask_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match=rf"mask: found {mask.dtype} of shape .*, needed bool of \(rows, columns\)"):
        to_mask(mask)


GRAY16 = image_pb2.PIXEL_FORMAT_GRAY16_LE
IMAGES_REFUSED = {
    "no rows": (image_pb2.Image(columns=2, pixel_format=GRAY16), "content.rows: found 0, needed 1 to 8192"),
    "too many columns": (
        image_pb2.Image(rows=2, columns=8193, pixel_format=GRAY16),
        "content.columns: found 8193, needed 1 to 8192",
    ),
    "no format": (image_pb2.Image(rows=1, columns=1, data=b"11"), "content.pixel_format: found 0, needed PIXEL_FORMAT"),
    "too few bytes": (
        image_pb2.Image(rows=2, columns=2, pixel_format=GRAY16, data=b"1234567"),
        "content.data: found 7 bytes, needed 8 for 2 x 2 pixels",
    ),
    "too many bytes": (
        image_pb2.Image(rows=2, columns=2, pixel_format=image_pb2.PIXEL_FORMAT_GRAY8, data=b"12345"),
        "content.data: found 5 bytes, needed 4 for 2 x 2 pixels",
    ),
}


@pytest.mark.parametrize(("image", "message"), IMAGES_REFUSED.values(), ids=IMAGES_REFUSED.keys())
def test_a_message_that_is_no_film_is_refused(image: image_pb2.Image, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_image(image, name="content")


def test_a_format_of_a_later_version_is_refused_by_its_number() -> None:
    image = image_pb2.Image.FromString(image_pb2.Image(rows=1, columns=1, data=b"1").SerializeToString() + b"\x10\x63")
    with pytest.raises(ValueError, match=r"image\.pixel_format: found 99"):
        from_image(image)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        pytest.param(image_pb2.Mask(rows=0, columns=1), "mask.rows: found 0", id="no rows"),
        pytest.param(image_pb2.Mask(rows=1, columns=9000), "mask.columns: found 9000", id="too many columns"),
        pytest.param(
            image_pb2.Mask(rows=2, columns=9, data=b"123"), "mask.data: found 3 bytes, needed 4", id="too few bytes"
        ),
    ],
)
def test_a_message_that_is_no_mask_is_refused(mask: image_pb2.Mask, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_mask(mask)
