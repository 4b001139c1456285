"""Frozen training: the features of the first weights, computed once, and a linear head."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from services.trainer.balance import class_weights
from services.trainer.configuration import Region, Stage, TrainClassifierConfiguration
from services.trainer.films import FilmSet
from services.trainer.fit import Indices
from services.trainer.gates import ClassifierGate
from services.trainer.head import LinearHead, fit_head
from services.trainer.resnet import Classifier, PooledResNet
from services.trainer.standardisation import PixelStatistics
from services.trainer.start import starting_network
from shared.determinism import choose_device
from shared.progress import progress

PRETRAINED_STAGES = (Stage.LAYER2,)
"""Chosen by patient-grouped cross-validation on 948 CBIS-DDSM films of 256 pixels, aspect ratio kept: area under the
curve 0.71 with this stage's means and deviations, 0.68 with layer3's, 0.63 with layer4's, 0.69 with layer2's and
layer3's; enlarging the films to 384 gained nothing. The strongest places add 0.004 to 0.01, depending on the folds.
ResNet's v1 graph (stride on the first convolution of a block) gives 0.71 too, so the graph is torchvision's."""
RANDOM_STAGES = (Stage.LAYER1,)
"""Random weights carry texture in their first stage and lose it with every further one."""
_BATCH = 8


def pooled_stages(configuration: TrainClassifierConfiguration) -> tuple[Stage, ...]:
    """The stages asked for, each once and the finest first, or those that suit the first weights."""
    if configuration.feature_layer is not None:
        return tuple(stage for stage in Stage if stage in configuration.feature_layer)
    return RANDOM_STAGES if configuration.start == "random" else PRETRAINED_STAGES


class FrozenFit:
    """Fits linear heads to the frozen features of one set of films."""

    def __init__(
        self, films: FilmSet, statistics: PixelStatistics, configuration: TrainClassifierConfiguration
    ) -> None:
        """Build the trunk, drawing from torch's global generator for random weights, and compute all features.

        Raises what `starting_network` raises.
        """
        self._films = films
        self._statistics = statistics
        self._seed = configuration.seed
        self._weighted = configuration.balance == "weights"
        self._trunk = PooledResNet(
            starting_network(configuration.start, configuration.backbone),
            stages=pooled_stages(configuration),
            masked=configuration.region is Region.BREAST,
            deviations=True,
            strongest=True,
            input_size=configuration.enlarge,
        ).eval()
        self._features = self._compute(choose_device(configuration.device))

    def fit(self, indices: Indices, *, watch: Indices | None = None) -> "FrozenFitted":  # noqa: ARG002  no epochs
        """Fit a head to the features of the films at `indices`."""
        malignant, patients = self._films.malignant[indices], self._films.patients[indices]
        weights = class_weights(malignant) if self._weighted else None
        head = fit_head(self._features[indices], malignant, patients, seed=self._seed, weights=weights)
        return FrozenFitted(self._features, self._trunk, self._statistics, head)

    def _compute(self, device: torch.device) -> NDArray[np.float64]:
        gate = ClassifierGate(self._trunk, self._statistics).to(device)
        features = np.empty((len(self._films), self._trunk.features))
        with progress("computing features", total=len(self._films)) as reporter, torch.inference_mode():
            for first in range(0, len(self._films), _BATCH):
                indices = np.arange(first, min(first + _BATCH, len(self._films)))
                films, masks = self._films.batch(indices)
                computed = self._trunk(gate.standardise(films.to(device)), masks.to(device))
                features[indices] = computed.double().cpu().numpy()
                reporter.advance(len(indices))
        gate.cpu()
        return features


@dataclass(frozen=True)
class FrozenFitted:
    """A head on frozen features."""

    features: NDArray[np.float64]
    trunk: PooledResNet
    statistics: PixelStatistics
    head: LinearHead

    def logits(self, indices: Indices) -> NDArray[np.float64]:
        """Logits (n,) of the set's films at `indices`."""
        return self.head.logits(self.features[indices])

    def gate(self) -> ClassifierGate:
        """Return trunk and head as one network, on the CPU, in evaluation mode."""
        classifier = Classifier(self.trunk)
        with torch.no_grad():
            classifier.head.weight[:] = torch.from_numpy(self.head.weight)
            classifier.head.bias[:] = self.head.bias
        return ClassifierGate(classifier, self.statistics).eval()

    def figures(self) -> dict[str, float]:
        """The strength of the head's regularisation."""
        return {"head_inverse_strength": self.head.inverse_strength}

    def history(self) -> None:
        """None: a head has no epochs."""
