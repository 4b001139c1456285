"""Training that repeats itself: seeded, with a known number of threads, leaving the process as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from shared.errors import ConfigurationError


@contextmanager
def reproducible(*, seed: int, threads: int | None) -> Iterator[None]:
    """Seed torch's global generators and fix its threads while the block runs; both are put back after it.

    On a CPU equal seeds and threads then give equal weights to the bit. On a GPU cuDNN keeps to
    deterministic kernels.
    """
    before = torch.get_num_threads()
    with torch.random.fork_rng(), torch.backends.cudnn.flags(benchmark=False, deterministic=True):
        torch.manual_seed(seed)
        torch.set_num_threads(threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def choose_device(device: str) -> torch.device:
    """Turn "auto", "cpu" or "cuda" into a device.

    Raises ConfigurationError when a GPU is asked for and none is there.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError(
            "--device: cuda asked for, torch finds no GPU: needed is cpu, auto or a machine with one"
        )
    return torch.device("cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu")
