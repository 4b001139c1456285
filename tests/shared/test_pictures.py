import numpy as np
import pytest

from shared.pictures import Window, choose_amplification, choose_window
from tests.services.evaluator.run_writer import breast


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
