"""All fits of a plan, each done once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from services.evaluator.configuration import UpliftConfiguration
from services.evaluator.uplift.analysis import Fitted
from services.evaluator.uplift.arms import Condition, Indices, TrainingSet, training_set
from services.evaluator.uplift.features import Features, FeatureStore, film_tensors
from services.evaluator.uplift.films import Gathered
from services.evaluator.uplift.learner import Budget, Show, fit
from services.evaluator.uplift.plan import PlanFolder
from services.evaluator.uplift.trunk import TrainedNetwork, Trunk
from shared.augmentation import Augmentation
from shared.determinism import choose_device, reproducible
from shared.progress import progress

_RATES = {"frozen": 1e-3, "full": 1e-4}


def budget(configuration: UpliftConfiguration) -> Budget:
    """What every arm may spend."""
    return Budget(
        updates=configuration.updates,
        batch_size=configuration.batch_size,
        learning_rate=configuration.learning_rate or _RATES[configuration.mode],
        weight_decay=configuration.weight_decay,
        watches=configuration.watches,
    )


def make_trunk(configuration: UpliftConfiguration) -> Trunk:
    """The network's trunk, random weights drawn from the first seed; raises what `Trunk` raises."""
    stride = int(configuration.stride) if configuration.mode == "frozen" else None
    with reproducible(seed=configuration.seed, threads=configuration.threads):
        return Trunk(configuration.network, configuration.weights, stride=stride, enlarge=configuration.enlarge)


class _Frozen:
    """A linear head on features that were computed before."""

    def __init__(
        self, gathered: Gathered, trunk: Trunk, configuration: UpliftConfiguration, folder: PlanFolder
    ) -> None:
        device = choose_device(configuration.device)
        identity: dict[str, object] = {
            "network": configuration.network,
            "weights": trunk.identity + (f":{configuration.seed}" if trunk.identity == "random" else ""),
            "stride": configuration.stride,
            "enlarge": configuration.enlarge,
            "threads": configuration.threads,
        }
        store = FeatureStore(folder.store, trunk, identity, device)
        learnt, judged = gathered.learnt, np.concatenate([gathered.validation, gathered.test])
        versions = 1 + configuration.augmented_copies
        self._features = np.zeros((len(gathered.table.pixels), versions, trunk.features), dtype=np.float32)
        with progress("computing features", total=len(judged) + versions * len(learnt)) as reporter:
            self._features[judged, 0] = store.compute(gathered.table, judged, version=0, reporter=reporter)
            for version in range(versions):
                self._features[learnt, version] = store.compute(
                    gathered.table, learnt, version=version, reporter=reporter
                )

    def network(self) -> nn.Module:
        return _Head(self._features.shape[2])

    def show(self, training: TrainingSet) -> Show:
        # Real films of the amount, the same in every arm: added films must not move the units.
        real = self._features[np.concatenate([training.benign, training.malignant]), 0]
        mean, deviation = real.mean(axis=0), real.std(axis=0) + 1e-6

        def show(films: Indices, update: int, generator: np.random.Generator | None) -> tuple[Tensor, ...]:  # noqa: ARG001
            versions = 0 if generator is None else generator.integers(self._features.shape[1], size=len(films))
            chosen: Features = (self._features[films, versions] - mean) / deviation
            return (torch.from_numpy(chosen),)

        return show


class _Head(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features)
        return logits[:, 0]


class _Full:
    """All weights of the network."""

    def __init__(self, gathered: Gathered, configuration: UpliftConfiguration) -> None:
        self._table = gathered.table
        self._configuration = configuration
        self._device = choose_device(configuration.device)

    def network(self) -> nn.Module:
        configuration = self._configuration
        trunk = Trunk(configuration.network, configuration.weights, stride=None, enlarge=configuration.enlarge)
        return TrainedNetwork(trunk).to(self._device)

    def show(self, training: TrainingSet) -> Show:  # noqa: ARG002  films are shown the same way in every arm

        def show(films: Indices, update: int, generator: np.random.Generator | None) -> tuple[Tensor, ...]:
            shown, masks = (part.to(self._device) for part in film_tensors(self._table, films))
            if generator is not None:
                places = np.arange(len(films))
                seed = int(generator.integers(2**31))
                shown, masks = Augmentation().apply(shown, masks, indices=places, epoch=update, seed=seed)
            return shown, masks

        return show


@dataclass(frozen=True)
class Job:
    """One fit of a plan."""

    condition: Condition
    seed: int


def run_fits(
    jobs: Sequence[Job], gathered: Gathered, trunk: Trunk, configuration: UpliftConfiguration, folder: PlanFolder
) -> list[Fitted]:
    """Do the fits that have no record, and read the others.

    Raises NumericalError when a loss is no longer finite, ConfigurationError when a GPU is asked for and none is there.
    """
    done = {job: fitted for job in jobs if (fitted := folder.read(job.condition, job.seed)) is not None}
    missing = [job for job in jobs if job not in done]
    if missing:
        with reproducible(seed=configuration.seed, threads=configuration.threads):
            frozen = configuration.mode == "frozen"
            ways = _Frozen(gathered, trunk, configuration, folder) if frozen else _Full(gathered, configuration)
        with progress("training arms", total=len(jobs), done=len(done)) as reporter:
            for job in missing:
                done[job] = _do(job, ways, gathered, configuration, folder)
                reporter.advance(note=f"{job.condition.name}, seed {job.seed}")
    return [done[job] for job in jobs]


def _do(
    job: Job, ways: _Frozen | _Full, gathered: Gathered, configuration: UpliftConfiguration, folder: PlanFolder
) -> Fitted:
    training = training_set(gathered.films, job.condition, job.seed)
    with reproducible(seed=job.seed, threads=configuration.threads):
        learnt = fit(
            ways.network(),
            training,
            ways.show(training),
            gathered.malignant,
            validation=gathered.validation,
            test=gathered.test,
            budget=budget(configuration),
            seed=job.seed,
        )
    fitted = Fitted(job.condition, job.seed, learnt.validation_auc, learnt.test_scores)
    folder.write(fitted, learnt.kept_update)
    return fitted
