import pytest
import torch

from services.stylizer.batch import Batch
from services.stylizer.memory import film_bytes
from services.stylizer.network import Trunk
from services.stylizer.targets import TargetCache
from services.stylizer.weights import TrunkWeights


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_longer_histories_take_what_their_pairs_take(weights: TrunkWeights, dtype: torch.dtype) -> None:
    sizes = []
    for history in (20, 100):
        trunk = Trunk(weights, 64, device=torch.device("cpu"), dtype=dtype)
        optimizer = Batch(trunk, slots=2, history=history, targets=TargetCache(1))._optimizer
        sizes.append(optimizer._pairs.numel() * optimizer._pairs.element_size() // 2)
    short, long = (film_bytes(64, history=history, dtype=dtype) for history in (20, 100))
    assert long - short == sizes[1] - sizes[0]


def test_memory_grows_with_pixels_and_is_less_in_bfloat16() -> None:
    small, large = (film_bytes(side, history=100, dtype=torch.float32) for side in (128, 256))
    assert large == 4 * small
    assert film_bytes(128, history=100, dtype=torch.bfloat16) < 0.7 * small
