"""Measures a step of one film beside plain programs that do the same, turn by turn in one process.

    python tests/services/stylizer/benchmark_peers.py --size 128 --rounds 6 --threads 1

(a) is the paper's loop: three channels, weights that ask for gradients, the clamp within the closure. (b) is a careful
user's: weights frozen, clamped once at the end. Both take `torch.optim.LBFGS`, 20 evaluations a call, with the trunk's
weights. A round is 20 evaluations of each; the first round warms up. Seconds are processor time.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
sys.path[:0] = [str(REPOSITORY)]

import torch  # noqa: E402  the path comes first
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from services.stylizer.batch import Batch  # noqa: E402
from services.stylizer.first_convolution import IMAGENET_MEAN, IMAGENET_STD  # noqa: E402
from services.stylizer.job import TransferJob  # noqa: E402
from services.stylizer.network import POOLED_AFTER, Trunk  # noqa: E402
from services.stylizer.targets import TargetCache  # noqa: E402
from services.stylizer.weights import TrunkWeights, resolve_weights  # noqa: E402
from tests.services.stylizer.benchmark_step import phantom_pair  # noqa: E402

EVALUATIONS = 20
STYLE_WEIGHT = 1e5


class PlainLoop:
    """The PyTorch tutorial's loop on the first five convolutions."""

    def __init__(self, weights: TrunkWeights, job: TransferJob, *, papers: bool) -> None:
        self._papers = papers
        self._mean, self._std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        self._convolutions = [nn.Conv2d(*kernel.shape[1::-1], 3, padding=1) for kernel in weights.kernels]
        for convolution, kernel, bias in zip(self._convolutions, weights.kernels, weights.biases, strict=True):
            convolution.weight.data, convolution.bias.data = kernel.clone(), bias.clone()  # type: ignore[union-attr]
            convolution.requires_grad_(requires_grad=papers)
        content, style = (torch.tensor(film).expand(1, 3, *film.shape) for film in (job.content, job.style))
        with torch.no_grad():
            self._content = self._features(content)[-1]
            self._grams = [self._gram(feature) for feature in self._features(style)]
        self._film = content.clone().requires_grad_()
        self._optimizer = torch.optim.LBFGS([self._film], tolerance_grad=0, tolerance_change=0)

    def _features(self, film: Tensor) -> list[Tensor]:
        hidden, features = (film - self._mean) / self._std, []
        for pooled, convolution in zip(POOLED_AFTER, self._convolutions, strict=True):
            hidden = convolution(hidden)
            features.append(hidden)
            hidden = functional.relu(hidden)
            if pooled:
                hidden = functional.max_pool2d(hidden, 2)
        return features

    @staticmethod
    def _gram(feature: Tensor) -> Tensor:
        flat = feature.flatten(start_dim=1).view(feature.shape[1], -1)
        return flat @ flat.T / feature.numel()

    def advance(self) -> None:
        """Make one call of the optimiser: 20 evaluations."""

        def closure() -> Tensor:
            if self._papers:
                with torch.no_grad():
                    self._film.clamp_(0, 1)
            self._optimizer.zero_grad()
            features = self._features(self._film)
            style = sum(functional.mse_loss(self._gram(f), gram) for f, gram in zip(features, self._grams, strict=True))
            loss: Tensor = functional.mse_loss(features[-1], self._content) + STYLE_WEIGHT * style
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        self._optimizer.step(closure)  # type: ignore[arg-type, no-untyped-call]


def our_loop(weights: TrunkWeights, job: TransferJob, dtype: torch.dtype) -> Callable[[], None]:
    """Twenty steps of a batch of one."""
    trunk = Trunk(weights, job.side, device=torch.device("cpu"), dtype=dtype)
    batch = Batch(trunk, slots=1, history=100, targets=TargetCache(10**9))
    batch.place(0, job)

    def advance() -> None:
        for _ in range(EVALUATIONS):
            batch.step()

    return advance


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("size", 128), ("rounds", 6), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    weights, job = resolve_weights(), phantom_pair(0, options.size, EVALUATIONS * options.rounds)
    loops = {
        "(a) the paper's loop": PlainLoop(weights, job, papers=True).advance,
        "(b) frozen, clamped outside": PlainLoop(weights, job, papers=False).advance,
        "ours, float32": our_loop(weights, job, torch.float32),
        "ours, bfloat16": our_loop(weights, job, torch.bfloat16),
    }
    taken: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(options.rounds):
        for name, advance in loops.items():
            started = time.process_time()
            advance()
            taken[name].append(1000 * (time.process_time() - started) / EVALUATIONS)
    frozen = statistics.median(taken["(b) frozen, clamped outside"][1:])
    for name, (_, *steps) in taken.items():
        median = statistics.median(steps)
        sys.stdout.write(
            f"{name:28} {median:6.1f} ms a step ({min(steps):.1f} to {max(steps):.1f}), {frozen / median:.2f} x (b)\n"
        )


if __name__ == "__main__":
    main()
