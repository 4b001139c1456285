import pytest
import torch

from shared.determinism import choose_device, reproducible
from shared.errors import ConfigurationError


def test_equal_seeds_draw_equally_and_the_process_goes_on_as_before():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    drawn = []
    for seed in (1, 1, 2):
        with reproducible(seed=seed, threads=1):
            assert torch.get_num_threads() == 1
            drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_threads_are_put_back_after_a_failure():
    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="on purpose"), reproducible(seed=0, threads=threads + 1):
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == threads


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(ConfigurationError, match="--device: cuda asked for"):
        choose_device("cuda")
