import numpy as np
import pytest

from services.evaluator.near_copies.fingerprints import distances, fingerprint, mirrored, stack
from shared.images import Film
from tests.services.evaluator.run_writer import breast


def film(seed: int) -> Film:
    """Tissue of several sizes, inside a breast."""
    generator = np.random.default_rng(seed)
    tissue = sum(np.kron(generator.random((side, side)), np.ones((128 // side, 128 // side))) for side in (8, 16, 32))
    return np.where(breast(0, 128)[1], 0.2 + 0.2 * np.asarray(tissue), 0.0).astype(np.float32)


@pytest.mark.parametrize(
    ("change", "most"),
    [
        pytest.param(lambda x: x, 1e-5, id="the same"),
        pytest.param(lambda x: np.clip(0.7 * x + 0.1 * (x > 0), 0, 1), 0.02, id="darker, less contrast"),
        pytest.param(lambda x: x[:, ::-1], 0.02, id="flipped"),
        pytest.param(lambda x: np.clip(x + np.random.default_rng(9).normal(0, 0.02, x.shape), 0, 1), 0.05, id="noise"),
        pytest.param(lambda x: np.round(x * 255) / 255, 0.01, id="8 bit"),
    ],
)
def test_a_copy_is_near_whatever_was_done_to_hide_it(change: object, most: float) -> None:
    copy = np.ascontiguousarray(change(film(1))).astype(np.float32)  # type: ignore[operator]
    assert distances(stack([copy]), stack([film(1)]))[0, 0] <= most


def test_strangers_are_far() -> None:
    prints = stack(film(seed) for seed in range(6))
    apart = distances(prints, prints)[~np.eye(6, dtype=bool)]
    assert apart.min() > 0.5


def test_fingerprints_have_length_1_and_those_of_nothing_0() -> None:
    assert np.linalg.norm(fingerprint(film(1))) == pytest.approx(1.0, abs=1e-5)
    assert not fingerprint(np.zeros((64, 64), dtype=np.float32)).any()
    assert not fingerprint(np.full((64, 64), 0.5, dtype=np.float32)).any()


def test_flipping_twice_gives_the_same() -> None:
    prints = stack([film(1), film(2)])
    np.testing.assert_array_equal(mirrored(mirrored(prints)), prints)
    assert not np.array_equal(mirrored(prints), prints)
