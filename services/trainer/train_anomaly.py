"""`mammosynth train anomaly`: a detector learns what real films are like, and where its score becomes suspicious."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from services.trainer.anomaly_measurement import measure, write_pictures
from services.trainer.battery_figures import require_fitting_battery
from services.trainer.checkpoint import CheckpointFile
from services.trainer.configuration import Detector, TrainAnomalyConfiguration
from services.trainer.curves import write_curves
from services.trainer.export import PARITY_FILMS, GraphScorer, check_parity, export_graph
from services.trainer.films import FilmSet, load_films, open_dataset, require_separate_patients
from services.trainer.gates import AnomalyGate
from services.trainer.optimisation import History, Training
from services.trainer.precision import choose_precision
from services.trainer.report import is_finished, library_versions, training_folder, write_results
from services.trainer.schedule import Schedule, batches, cosine_decay
from services.trainer.standardisation import Standardise, breast_statistics
from services.trainer.texture.fit import fit_texture
from services.trainer.unet import UNet
from shared.augmentation import Augmentation
from shared.battery import Battery
from shared.dataset import Split
from shared.determinism import choose_device, reproducible
from shared.errors import ConfigurationError
from shared.models import ModelMetadata
from shared.progress import progress


def run(configuration: TrainAnomalyConfiguration) -> None:
    """Train the anomaly detector and write it as an ONNX file with its thresholds, its figures and pictures of them."""
    started = time.monotonic()
    dataset = open_dataset(configuration)
    trained_with = configuration.model_options()
    battery = Battery.open(configuration.battery) if configuration.battery else None
    if battery:
        require_fitting_battery(battery, dataset, size=configuration.size or dataset.size)
    options = trained_with | ({"battery": battery.sha256} if battery else {})
    if is_finished(configuration, "anomaly", dataset.sha256, options):
        return
    checkpoints = training_folder(configuration, "anomaly", dataset.sha256, trained_with)
    training = load_films(dataset, splits=[Split.TRAIN], size=configuration.size)
    validation = load_films(dataset, splits=[Split.VALIDATION], size=configuration.size)
    require_separate_patients(training, validation)
    with reproducible(seed=configuration.seed, threads=configuration.threads):
        trained = train_detector(training, validation, configuration, checkpoints.file("autoencoder"))
        gate, history = trained.gate, trained.history
        graph = export_graph(gate, kind="anomaly", size=training.size)
        parity = check_parity(graph, gate, validation.take(np.arange(min(PARITY_FILMS, len(validation)))))
        scorer = GraphScorer(graph, threads=torch.get_num_threads())
    measured = measure(
        scorer,
        dataset,
        battery,
        training=training,
        validation=validation,
        held_out=trained.held_out_scores,
        configuration=configuration,
    )
    metadata = ModelMetadata(
        kind="anomaly",
        name=configuration.name,
        input_size=training.size,
        region=configuration.region.value,
        thresholds=measured.thresholds,
        default_threshold=configuration.default_threshold,
        training_set_sha256=dataset.sha256,
        metrics={**measured.metrics(), **(history.metrics() if history else {})},
        options=options,
        created_with=library_versions(),
    )
    figures: dict[str, Any] = {
        **(history.figures() if history else {}),
        **measured.figures(),
        "films": {"training": len(training), "validation": len(validation)},
        "largest_difference_from_torch": parity,
        "seconds": round(time.monotonic() - started, 1),
    }
    if history:
        write_curves(configuration.output / "anomaly-curves.png", history)
    write_pictures(measured, scorer, validation, configuration)
    write_results(configuration.output, graph, metadata, figures)
    checkpoints.clear()


@dataclass(frozen=True)
class TrainedDetector:
    """A detector, and what its training says of it."""

    gate: nn.Module
    history: History | None
    """How a training in epochs went."""
    held_out_scores: NDArray[np.float64] | None
    """Scores of the training films, (n,), as detectors give them that were fitted to other patients."""


def train_detector(
    films: FilmSet, validation: FilmSet, configuration: TrainAnomalyConfiguration, checkpoint: CheckpointFile
) -> TrainedDetector:
    """Train the detector that the configuration names."""
    if configuration.detector is Detector.UNET:
        return TrainedDetector(*train_autoencoder(films, validation, configuration, checkpoint), None)
    with progress("measuring the texture of training films", total=2 * len(films)) as reporter:
        fitted = fit_texture(films, seed=configuration.seed, advance=reporter.advance)
    return TrainedDetector(fitted.gate, None, fitted.held_out_scores)


def train_autoencoder(
    films: FilmSet,
    validation: FilmSet,
    configuration: TrainAnomalyConfiguration,
    checkpoint: CheckpointFile | None = None,
) -> tuple[AnomalyGate, History]:
    """Train a U-Net on `films` by mean squared error over the whole square, as the paper does, whatever the region.

    Returns the gate, on the CPU, and how the training went, losses in squared standardised units. Raises
    ConfigurationError when the films' size cannot be halved as often as there are levels.
    """
    statistics = breast_statistics(films)
    device = choose_device(configuration.device)
    network = UNet(widths=configuration.widths)
    if films.size % network.size_factor:
        raise ConfigurationError(
            f"--widths: {len(configuration.widths)} levels need films whose size is a multiple of "
            f"{network.size_factor}, found {films.size}: needed are fewer levels or another size"
        )
    network.to(device)
    standardise = Standardise(statistics).to(device)

    def error_of(shown: Tensor) -> Tensor:
        standardised: Tensor = standardise(shown)
        return functional.mse_loss(network(standardised), standardised)

    def loss_of(indices: NDArray[np.intp], epoch: int) -> Tensor:
        shown, masks = (part.to(device) for part in films.batch(indices))
        if configuration.augment:
            shown, _ = Augmentation().apply(shown, masks, indices=indices, epoch=epoch, seed=configuration.seed)
        return error_of(shown)

    def validate() -> dict[str, float]:
        cut = batches(np.arange(len(validation)), batch_size=configuration.batch_size)
        total = sum(float(error_of(validation.batch(indices)[0].to(device))) * len(indices) for indices in cut)
        return {"validation_loss": total / len(validation)}

    history = Training(
        name="anomaly detector",
        network=network,
        optimizer=torch.optim.SGD(
            network.parameters(), lr=configuration.learning_rate, momentum=configuration.momentum
        ),
        loss_of=loss_of,
        films=len(films),
        schedule=Schedule(
            epochs=configuration.epochs,
            batch_size=configuration.batch_size,
            seed=configuration.seed,
            learning_rate=cosine_decay(configuration.learning_rate, configuration.final_learning_rate),
            gradient_norm=configuration.gradient_norm,
            keep=configuration.keep,
            patience=configuration.patience,
        ),
        validate=validate,
        checkpoint=checkpoint,
        precision=choose_precision(device, mixed=configuration.mixed_precision),
    ).run()
    return AnomalyGate(network.cpu(), statistics, region=configuration.region), history
