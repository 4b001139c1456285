import base64
import io

import numpy as np
import pytest
from PIL import Image

from services.evaluator.pictures import Window, choose_amplification, choose_window, difference_uri, film_uri
from tests.services.evaluator.run_writer import breast


def opened(uri: str) -> Image.Image:
    start = "data:image/png;base64,"
    assert uri.startswith(start)
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(start))))


def test_a_film_becomes_an_8_bit_grey_png_in_its_window() -> None:
    picture = opened(film_uri(np.array([[0.1, 0.2], [0.4, 0.9]], dtype=np.float32), Window(0.2, 0.6)))

    assert (picture.format, picture.mode) == ("PNG", "L")
    np.testing.assert_array_equal(np.asarray(picture), [[0, 0], [128, 255]])


def test_the_window_spans_the_breast_and_not_the_background() -> None:
    film, mask = breast(0, 64)

    window = choose_window(film, mask)

    assert 0.4 <= window.low < 0.42
    assert 0.58 < window.high <= 0.6
    assert choose_window(film, None) == window


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_film_without_contrast_keeps_its_grey_levels(value: float) -> None:
    film = np.full((8, 8), value, dtype=np.float32)

    assert choose_window(film, np.ones((8, 8), dtype=np.bool_)) == Window(0.0, 1.0)
    assert choose_window(film, np.zeros((8, 8), dtype=np.bool_)) == Window(0.0, 1.0)


def test_a_difference_is_black_where_nothing_changed_orange_brighter_and_blue_darker() -> None:
    difference = np.array([[0.0, 0.05, -0.05, 0.01]], dtype=np.float32)

    still, brighter, darker, slightly = np.asarray(opened(difference_uri(difference, 20)).convert("RGB"))[0].astype(int)

    assert still.tolist() == [0, 0, 0]
    assert brighter.tolist() == [255, 176, 64]
    assert darker.tolist() == [90, 176, 255]
    assert 0 < slightly[0] < 255
    assert slightly[0] > slightly[2]


@pytest.mark.parametrize(
    ("strengths", "expected"),
    [
        pytest.param([], 1, id="no difference"),
        pytest.param([0.0], 100, id="no change"),
        pytest.param([0.04], 20, id="weak"),
        pytest.param([0.3], 2, id="strong"),
        pytest.param([0.01, 0.04, 0.9], 20, id="one outlier"),
        pytest.param([2.0], 1, id="never less than it is"),
    ],
)
def test_the_amplification_brings_a_typical_change_within_full_colour(strengths: list[float], expected: int) -> None:
    assert choose_amplification([np.full((4, 4), value, dtype=np.float32) for value in strengths]) == expected
