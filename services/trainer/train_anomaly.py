"""`mammosynth train anomaly`: a U-Net that learns to reconstruct real films, and where its errors become suspicious."""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from services.trainer.calibration import anomaly_thresholds
from services.trainer.configuration import TrainAnomalyConfiguration
from services.trainer.determinism import choose_device, reproducible
from services.trainer.export import PARITY_FILMS, GraphScorer, check_parity, export_graph
from services.trainer.films import FilmSet, load_films, require_separate_patients
from services.trainer.gates import AnomalyGate
from services.trainer.optimisation import BatchDone, cosine_decay, optimise
from services.trainer.report import library_versions, write_results
from services.trainer.spoiled import spoiled_areas
from services.trainer.standardisation import Standardise, breast_statistics
from services.trainer.unet import UNet
from shared.dataset import Dataset, Split
from shared.errors import ConfigurationError
from shared.models import ModelMetadata
from shared.progress import progress


def run(configuration: TrainAnomalyConfiguration) -> None:
    """Train the anomaly detector and write it as an ONNX file with its thresholds."""
    started = time.monotonic()
    dataset = Dataset.open(configuration.dataset)
    training = load_films(dataset, splits=[Split.TRAIN], size=configuration.size)
    validation = load_films(dataset, splits=[Split.VALIDATION], size=configuration.size)
    require_separate_patients(training, validation)
    with reproducible(seed=configuration.seed, threads=configuration.threads):
        gate, losses = train_autoencoder(training, configuration)
        graph = export_graph(gate, kind="anomaly", size=training.size)
        parity = check_parity(graph, gate, validation.take(np.arange(min(PARITY_FILMS, len(validation)))))
        scorer = GraphScorer(graph, threads=torch.get_num_threads())
    training_scores = score_films(scorer, training, name="training")
    validation_scores = score_films(scorer, validation, name="validation")
    areas = spoiled_areas(scorer, validation, validation_scores, seed=configuration.seed)
    metadata = ModelMetadata(
        kind="anomaly",
        name=configuration.name,
        input_size=training.size,
        region=configuration.region.value,
        thresholds=anomaly_thresholds(training_scores, validation_scores),
        default_threshold=configuration.threshold,
        training_set_sha256=dataset.sha256,
        metrics=_metrics(training_scores, validation_scores, areas, losses),
        options=_options(configuration),
        created_with=library_versions(),
    )
    figures: dict[str, Any] = {
        "training_loss_by_epoch": losses,
        "films": {"training": len(training), "validation": len(validation)},
        "largest_difference_from_torch": parity,
        "seconds": round(time.monotonic() - started, 1),
    }
    write_results(configuration.output, graph, metadata, figures)


def train_autoencoder(films: FilmSet, configuration: TrainAnomalyConfiguration) -> tuple[AnomalyGate, list[float]]:
    """Train a U-Net on `films` by mean squared error over the whole square, as the paper does, whatever the region.

    Returns the gate, on the CPU, and each epoch's mean loss in squared standardised units. Raises ConfigurationError
    when the films' size cannot be halved as often as there are levels.
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

    def loss_of(indices: NDArray[np.intp]) -> Tensor:
        standardised: Tensor = standardise(films.batch(indices)[0].to(device))
        return functional.mse_loss(network(standardised), standardised)

    optimizer = torch.optim.SGD(network.parameters(), lr=configuration.learning_rate, momentum=configuration.momentum)
    with progress("training anomaly detector", total=configuration.epochs * len(films)) as reporter:

        def report(done: BatchDone) -> None:
            note = f"epoch {done.epoch}/{configuration.epochs} loss {done.loss:.4f} rate {done.learning_rate:.2g}"
            reporter.advance(done.films, note=note)

        losses = optimise(
            network,
            loss_of,
            optimizer=optimizer,
            films=len(films),
            epochs=configuration.epochs,
            batch_size=configuration.batch_size,
            seed=configuration.seed,
            learning_rate=cosine_decay(configuration.learning_rate, configuration.final_learning_rate),
            gradient_norm=configuration.gradient_norm,
            report=report,
        )
    return AnomalyGate(network.cpu(), statistics, region=configuration.region), losses


def score_films(scorer: GraphScorer, films: FilmSet, *, name: str) -> NDArray[np.float64]:
    """Anomaly scores (n,) of real films as the service will compute them."""
    with progress(f"scoring {name} films", total=len(films)) as reporter:
        return scorer.score(films, "score", advance=reporter.advance)


def _metrics(
    training: NDArray[np.float64], validation: NDArray[np.float64], areas: dict[str, float], losses: list[float]
) -> dict[str, float]:
    return {
        "training_score_mean": float(training.mean()),
        "validation_score_mean": float(validation.mean()),
        "final_training_loss": losses[-1],
        **{f"auc_{kind}": area for kind, area in areas.items()},
    }


def _options(configuration: TrainAnomalyConfiguration) -> dict[str, Any]:
    """Hyper-parameters for the model file: no paths, so that equal trainings write equal files."""
    return configuration.model_dump(mode="json", exclude={"dataset", "output", "name", "threads", "device"})
