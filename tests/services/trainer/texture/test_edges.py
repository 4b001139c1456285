import numpy as np
import pytest

from services.trainer.texture.edges import StraightEdges
from tests.services.trainer.texture.films import SIZE, breast, tensors, tissue

LENGTH = SIZE // 8


def found(film: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    statistics, steps = StraightEdges(SIZE)(*tensors(film))
    return dict(zip(StraightEdges.names, statistics[0].tolist(), strict=True)), steps[0, 0].numpy()


def strongest_by_hand(film: np.ndarray, *, along_rows: bool) -> float:
    """Step between two pixels less the mean of the four steps beside it, meaned along the edge, pixel by pixel."""
    values, mask = (film, breast()) if along_rows else (film.T, breast().T)
    values = values.astype(float)
    step = values[1:] - values[:-1]
    excess = step[2:-2] - (step[:-4] + step[1:-3] + step[3:-1] + step[4:]) / 4
    best = 0.0
    for row in range(excess.shape[0]):
        for column in range(SIZE - LENGTH + 1):
            place = np.s_[column : column + LENGTH]
            # Pixels that the step and its neighbours take, but for two whose share is nothing.
            if mask[[row, row + 2, row + 3, row + 5], place].all():
                best = max(best, abs(excess[row, place].mean()))
    return best


def test_the_strongest_upright_steps_are_those_found_pixel_by_pixel():
    film = tissue(0)
    expected = sum(np.log(strongest_by_hand(film, along_rows=along_rows)) for along_rows in (True, False))
    assert found(film)[0]["upright_step"] == pytest.approx(expected, abs=1e-4)


def test_a_pasted_square_stands_out_and_is_marked_at_its_edges():
    film = tissue(0)
    pasted = film.copy()
    pasted[24:40, 4:20] = tissue(1)[24:40, 4:20] + np.float32(0.08)
    plain, _ = found(film)
    spoiled, steps = found(pasted)
    assert spoiled["upright_step"] > plain["upright_step"] + 1
    row, column = np.unravel_index(steps.argmax(), steps.shape)
    assert min(abs(row - 24), abs(row - 40)) <= 1 or min(abs(column - 4), abs(column - 20)) <= 1


def test_a_turned_square_stands_out_among_slanted_edges():
    rows, columns = np.indices((SIZE, SIZE))
    diamond = np.abs(rows - 32) + np.abs(columns - 14) < 11
    plain, spoiled = (found((tissue(0) + step * diamond).astype(np.float32))[0] for step in (0, 0.15))
    assert spoiled["slanted_step"] > plain["slanted_step"] + 1
    assert spoiled["slanted_step"] > spoiled["upright_step"]


def test_the_breasts_own_edge_and_a_slope_are_no_steps():
    slope = np.where(breast(), 0.3 + np.indices((SIZE, SIZE))[0] * 0.005, 0).astype(np.float32)
    _, steps = found(slope)
    assert steps.max() < 1e-5
