"""Full training of the classifier: every weight, by AdamW on the binary cross-entropy of the paper's Eq. 6."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from services.trainer.configuration import Region, TrainClassifierConfiguration
from services.trainer.determinism import choose_device
from services.trainer.films import FilmSet
from services.trainer.fit import Indices
from services.trainer.gates import ClassifierGate
from services.trainer.optimisation import BatchDone, constant, optimise
from services.trainer.resnet import Classifier, PooledResNet
from services.trainer.standardisation import PixelStatistics
from services.trainer.start import starting_network
from shared.progress import progress


class FineTuning:
    """Trains a classifier from its first weights on films of one set."""

    def __init__(
        self, films: FilmSet, statistics: PixelStatistics, configuration: TrainClassifierConfiguration
    ) -> None:
        """Note what `fit` will train with."""
        self._films = films
        self._statistics = statistics
        self._configuration = configuration

    def fit(self, indices: Indices) -> "FineTuned":
        """Train a fresh network on the films at `indices`; equal films give equal weights, whatever was fitted before.

        Raises what `starting_network` raises, NumericalError when the loss is no longer finite.
        """
        configuration = self._configuration
        device = choose_device(configuration.device)
        torch.manual_seed(configuration.seed)
        trunk = PooledResNet(
            starting_network(configuration.start, configuration.backbone),
            masked=configuration.region is Region.BREAST,
            input_size=configuration.enlarge,
        )
        gate = ClassifierGate(Classifier(trunk), self._statistics).to(device)
        truth = torch.from_numpy(self._films.malignant.astype(np.float32)).to(device)

        def loss_of(batch: Indices) -> Tensor:
            films, masks = self._films.batch(indices[batch])
            logits, _ = gate(films.to(device), masks.to(device))
            return functional.binary_cross_entropy_with_logits(logits, truth[indices[batch]])

        optimizer = torch.optim.AdamW(
            gate.parameters(),
            lr=configuration.learning_rate,
            weight_decay=configuration.weight_decay,
            betas=(configuration.beta1, configuration.beta2),
            eps=configuration.epsilon,
        )
        with progress("training classifier", total=configuration.epochs * len(indices)) as reporter:

            def report(done: BatchDone) -> None:
                note = f"epoch {done.epoch}/{configuration.epochs} loss {done.loss:.4f} rate {done.learning_rate:.2g}"
                reporter.advance(done.films, note=note)

            losses = optimise(
                gate,
                loss_of,
                optimizer=optimizer,
                films=len(indices),
                epochs=configuration.epochs,
                batch_size=configuration.batch_size,
                seed=configuration.seed,
                learning_rate=constant(configuration.learning_rate),
                report=report,
            )
        return FineTuned(self._films, gate.cpu().eval(), losses)


@dataclass(frozen=True)
class FineTuned:
    """A classifier all of whose weights were trained."""

    films: FilmSet
    network: ClassifierGate
    losses: list[float]
    """Mean training loss of each epoch."""

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
        """The mean loss of the last epoch."""
        return {"final_training_loss": self.losses[-1]}
