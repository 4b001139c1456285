import base64
import io

import numpy as np
from PIL import Image

from services.evaluator.report.pictures import difference_uri, film_uri
from shared.pictures import Window


def opened(uri: str) -> Image.Image:
    start = "data:image/png;base64,"
    assert uri.startswith(start)
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(start))))


def test_a_film_becomes_an_8_bit_grey_png_in_its_window() -> None:
    picture = opened(film_uri(np.array([[0.1, 0.2], [0.4, 0.9]], dtype=np.float32), Window(0.2, 0.6)))

    assert (picture.format, picture.mode) == ("PNG", "L")
    np.testing.assert_array_equal(np.asarray(picture), [[0, 0], [128, 255]])


def test_a_difference_is_black_where_nothing_changed_orange_brighter_and_blue_darker() -> None:
    difference = np.array([[0.0, 0.05, -0.05, 0.01]], dtype=np.float32)

    still, brighter, darker, slightly = np.asarray(opened(difference_uri(difference, 20)).convert("RGB"))[0].astype(int)

    assert still.tolist() == [0, 0, 0]
    assert brighter.tolist() == [255, 176, 64]
    assert darker.tolist() == [90, 176, 255]
    assert 0 < slightly[0] < 255
    assert slightly[0] > slightly[2]
