"""Full training of the classifier: every weight, by AdamW on the binary cross-entropy of the paper's Eq. 6."""

import hashlib
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from services.trainer.balance import balanced_order, class_weights
from services.trainer.checkpoint import TrainingFolder
from services.trainer.configuration import Region, TrainClassifierConfiguration
from services.trainer.films import FilmSet
from services.trainer.fit import Indices
from services.trainer.folds import patient_folds
from services.trainer.gates import ClassifierGate
from services.trainer.optimisation import History, Training
from services.trainer.precision import choose_precision
from services.trainer.resnet import Classifier, PooledResNet
from services.trainer.schedule import Schedule, batches, constant
from services.trainer.standardisation import PixelStatistics
from services.trainer.start import starting_network
from shared.augmentation import Augmentation
from shared.determinism import choose_device
from shared.errors import ConfigurationError
from shared.roc import area_under_curve

_WATCHED_FOLDS = 8
"""A fit that must watch films and is given none takes one patient in so many out of its own, if there are as many."""


class FineTuning:
    """Trains a classifier from its first weights on films of one set."""

    def __init__(
        self,
        films: FilmSet,
        statistics: PixelStatistics,
        configuration: TrainClassifierConfiguration,
        checkpoints: TrainingFolder | None = None,
    ) -> None:
        """Note what `fit` will train with, and where it saves its epochs, if anywhere."""
        self._films = films
        self._statistics = statistics
        self._configuration = configuration
        self._checkpoints = checkpoints
        self._device = choose_device(configuration.device)
        self._precision = choose_precision(self._device, mixed=configuration.mixed_precision)

    def fit(self, indices: Indices, *, watch: Indices | None = None) -> "FineTuned":
        """Train a fresh network on the films at `indices`; equal films give equal weights, whatever was fitted before.

        After each epoch the films at `watch` are validated. Raises what `starting_network` raises, NumericalError when
        the loss is no longer finite, RefusedRunError when a checkpoint is of another training.
        """
        schedule = self._schedule()
        if watch is None and schedule.watched is not None:
            indices, watch = self._watch_some(indices)
        gate = self._fresh()
        truth = torch.from_numpy(self._films.malignant.astype(np.float32)).to(self._device)
        weights = self._weights(indices)

        def loss_of(chosen: Indices, epoch: int) -> Tensor:
            batch = indices[chosen]
            logits, _ = gate(*self._shown(batch, epoch))
            weight = None if weights is None else weights[chosen]
            return functional.binary_cross_entropy_with_logits(logits, truth[batch], weight=weight)

        configuration = self._configuration
        sampling = configuration.balance == "sampling"
        history = Training(
            name="classifier",
            network=gate,
            optimizer=torch.optim.AdamW(
                gate.parameters(),
                lr=configuration.learning_rate,
                weight_decay=configuration.weight_decay,
                betas=(configuration.beta1, configuration.beta2),
                eps=configuration.epsilon,
            ),
            loss_of=loss_of,
            films=len(indices),
            schedule=schedule,
            validate=None if watch is None else partial(self._validate, gate, watch),
            order=partial(balanced_order, self._films.malignant[indices]) if sampling else None,
            checkpoint=self._checkpoints.file(_name(indices)) if self._checkpoints is not None else None,
            precision=self._precision,
        ).run()
        return FineTuned(self._films, gate.cpu().eval(), history)

    def _schedule(self) -> Schedule:
        configuration = self._configuration
        return Schedule(
            epochs=configuration.epochs,
            batch_size=configuration.batch_size,
            seed=configuration.seed,
            learning_rate=constant(configuration.learning_rate),
            keep=configuration.keep,
            patience=configuration.patience,
        )

    def _fresh(self) -> ClassifierGate:
        configuration = self._configuration
        torch.manual_seed(configuration.seed)
        trunk = PooledResNet(
            starting_network(configuration.start, configuration.backbone),
            masked=configuration.region is Region.BREAST,
            input_size=configuration.enlarge,
        )
        return ClassifierGate(Classifier(trunk), self._statistics).to(self._device)

    def _shown(self, batch: Indices, epoch: int) -> tuple[Tensor, Tensor]:
        """Films and masks to learn from, on the device."""
        films, masks = (part.to(self._device) for part in self._films.batch(batch))
        if not self._configuration.augment:
            return films, masks
        return Augmentation().apply(films, masks, indices=batch, epoch=epoch, seed=self._configuration.seed)

    def _weights(self, indices: Indices) -> Tensor | None:
        if self._configuration.balance != "weights":
            return None
        return torch.from_numpy(class_weights(self._films.malignant[indices]).astype(np.float32)).to(self._device)

    def _watch_some(self, indices: Indices) -> tuple[Indices, Indices]:
        """Take some patients out of the films at `indices`: those to learn from, and those to watch."""
        labels, patients = self._films.malignant[indices], self._films.patients[indices]
        folds = min(_WATCHED_FOLDS, *(len(np.unique(patients[of_class])) for of_class in (labels, ~labels)))
        if folds < 2:
            raise ConfigurationError(
                "--folds: with --keep or --patience each part must spare films to watch: needed are two patients of "
                "each class in what is left to train on, or --keep last and no --patience"
            )
        rest, part = patient_folds(labels, patients, folds=folds, seed=self._configuration.seed)[0]
        return indices[rest], indices[part]

    def _validate(self, gate: ClassifierGate, watch: Indices) -> dict[str, float]:
        """Binary cross-entropy, area under the curve and accuracy of the films at `watch`."""
        logits = np.empty(len(watch))
        for place in batches(np.arange(len(watch)), batch_size=self._configuration.batch_size):
            films, masks = self._films.batch(watch[place])
            logits[place] = gate(films.to(self._device), masks.to(self._device))[0].double().cpu().numpy()
        truth = self._films.malignant[watch]
        return {
            "validation_loss": float(np.logaddexp(0, -np.where(truth, 1, -1) * logits).mean()),
            "validation_auc": area_under_curve(truth, logits),
            "validation_accuracy": float(np.mean((logits >= 0) == truth)),
        }


def _name(indices: Indices) -> str:
    """Name of the fit to these films, by their hash: each fold of a cross-validation has its own."""
    return f"fit-{hashlib.sha256(np.ascontiguousarray(indices, dtype='<i8').tobytes()).hexdigest()[:16]}"


@dataclass(frozen=True)
class FineTuned:
    """A classifier all of whose weights were trained."""

    films: FilmSet
    network: ClassifierGate
    trained: History

    def logits(self, indices: Indices) -> NDArray[np.float64]:
        """Logits (n,) of the set's films at `indices`."""
        logits = np.empty(len(indices))
        with torch.inference_mode():
            for place, index in enumerate(indices):
                logits[place] = float(self.network(*self.films.batch([int(index)]))[0])
        return logits

    def gate(self) -> ClassifierGate:
        """Return the network, on the CPU, in evaluation mode."""
        return self.network

    def figures(self) -> dict[str, float]:
        """Which epoch was kept, and its losses."""
        return self.trained.metrics()

    def history(self) -> History:
        """How the training went."""
        return self.trained
