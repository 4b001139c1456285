"""Measures one step of one film by floating point type: the whole step, its evaluation, and the loss it leads to.

    python tests/services/stylizer/benchmark_step.py --size 256 --steps 260 --pairs 3 --threads 1

Films are phantoms, the types take turns pair by pair, and seconds are processor time, so that other work on the machine
counts little. The last loss of every type is evaluated in float32.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
sys.path[:0] = [str(REPOSITORY)]

import torch  # noqa: E402  the path comes first

from services.curator.phantom import make_phantom  # noqa: E402
from services.stylizer.batch import Batch  # noqa: E402
from services.stylizer.job import TransferJob  # noqa: E402
from services.stylizer.network import Trunk  # noqa: E402
from services.stylizer.objective import Objective  # noqa: E402
from services.stylizer.targets import TargetCache  # noqa: E402
from services.stylizer.weights import resolve_weights  # noqa: E402
from shared.images import resize_film  # noqa: E402
from shared.recipe import Recipe  # noqa: E402

DTYPES = (torch.float32, torch.bfloat16)
CPU = torch.device("cpu")
TARGETS = 10**9


def phantom_pair(number: int, size: int, steps: int) -> TransferJob:
    """A benign phantom and a malignant one."""
    films = [make_phantom(seed=2 * number + side, malignant=bool(side)).film for side in (0, 1)]
    content, style = (resize_film((film / film.max()).astype("float32"), size, size) for film in films)
    return TransferJob(content=content, style=style, recipe=Recipe(steps=steps))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("size", 128), ("steps", 110), ("pairs", 5), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    weights = resolve_weights()
    trunks = {dtype: Trunk(weights, options.size, device=CPU, dtype=dtype) for dtype in DTYPES}
    steps, evaluations, losses = defaultdict(list), defaultdict(list), defaultdict(list)
    for number in range(options.pairs):
        job = phantom_pair(number, options.size, options.steps)
        exact = Objective(trunks[torch.float32], 1)
        exact.place(0, job, TargetCache(TARGETS))
        for dtype in DTYPES:
            batch = Batch(trunks[dtype], slots=1, history=100, targets=TargetCache(TARGETS))
            batch.place(0, job)
            started = time.process_time()
            for _ in range(options.steps):
                batch.step()
            steps[dtype].append((time.process_time() - started) / options.steps)
            objective = Objective(trunks[dtype], 1)
            objective.place(0, job, TargetCache(TARGETS))
            film = torch.tensor(job.content).flatten()[None]
            started = time.process_time()
            for _ in range(10):
                objective.evaluate(film)
            evaluations[dtype].append((time.process_time() - started) / 10)
            losses[dtype].append(float(exact.evaluate(batch._films).loss))
    for dtype in DTYPES:
        worse = [loss / reference - 1 for loss, reference in zip(losses[dtype], losses[torch.float32], strict=True)]
        step, evaluation = statistics.median(steps[dtype]), statistics.median(evaluations[dtype])
        sys.stdout.write(
            f"{dtype!s:16} step {1000 * step:6.1f} ms ({1000 * min(steps[dtype]):.1f} to "
            f"{1000 * max(steps[dtype]):.1f}), evaluation {1000 * evaluation:6.1f} ms, "
            f"last loss against float32 {max(worse):+.2%} at most\n"
        )


if __name__ == "__main__":
    main()
