"""Measures the memory that a film takes in a batch, beside the estimate that slots are chosen from.

    python tests/services/stylizer/benchmark_memory.py --sizes 128,256 --threads 1

Every batch is built and stepped in a process of its own, forked before; what counts is how far the process's peak
(VmHWM) rises from one slot to two, so that the library, the weights and buffers of convolutions do not count. Films are
noise with a mask of everything. glibc gives freed memory back at once here (MALLOC_MMAP_THRESHOLD_), so that what is
measured is what is alive; as glibc is by default a process keeps up to half as much again.
"""

import argparse
import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
sys.path[:0] = [str(REPOSITORY)]

import numpy as np  # noqa: E402  the path comes first
import torch  # noqa: E402  the path comes first

from services.stylizer.batch import Batch  # noqa: E402
from services.stylizer.job import TransferJob  # noqa: E402
from services.stylizer.memory import film_bytes  # noqa: E402
from services.stylizer.network import Trunk  # noqa: E402
from services.stylizer.targets import TargetCache  # noqa: E402
from services.stylizer.weights import TrunkWeights, resolve_weights  # noqa: E402
from shared.recipe import Recipe, Region  # noqa: E402

CPU = torch.device("cpu")
STEPS = 3


def masked_pair(size: int) -> TransferJob:
    """Two films of noise, and masks, which take memory too."""
    content, style = np.random.default_rng(0).random((2, size, size), dtype=np.float32)
    mask = np.ones((size, size), dtype=np.bool_)
    recipe = Recipe(steps=STEPS, region=Region.BREAST)
    return TransferJob(content=content, style=style, content_mask=mask, style_mask=mask, recipe=recipe)


def peak(weights: TrunkWeights, size: int, dtype: torch.dtype, history: int, slots: int) -> int:
    """Bytes of the peak of a process that steps a batch of so many films."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        batch = Batch(
            Trunk(weights, size, device=CPU, dtype=dtype), slots=slots, history=history, targets=TargetCache(1)
        )
        for slot in range(slots):
            batch.place(slot, masked_pair(size))
        for _ in range(STEPS):
            batch.step()
        (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        os.write(writing, line.split()[1].encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        return 1024 * int(answer.read())


def main() -> None:
    """Print a table."""
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  this very program
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="128,256")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    weights = resolve_weights()
    for size in map(int, options.sizes.split(",")):
        for dtype in (torch.float32, torch.bfloat16):
            for history in (20, 100):
                one, two = (peak(weights, size, dtype, history, slots) for slots in (1, 2))
                measured, estimated = two - one, film_bytes(size, history=history, dtype=dtype)
                sys.stdout.write(
                    f"{size} px, {dtype!s}, history {history}: measured {measured / 2**20:.0f} MiB, "
                    f"estimated {estimated / 2**20:.0f} MiB, {estimated / measured - 1:+.0%}\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
