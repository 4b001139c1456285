"""`mammosynth train classifier`: how probably a film is malignant, and how well that holds for patients not seen."""

import time
from typing import Any

import numpy as np
import torch

from services.trainer.calibration import classifier_thresholds
from services.trainer.checkpoint import TrainingFolder
from services.trainer.configuration import NOT_IN_MODEL, TrainClassifierConfiguration
from services.trainer.cross_validation import cross_validate
from services.trainer.curves import write_curves
from services.trainer.determinism import reproducible
from services.trainer.export import PARITY_FILMS, GraphScorer, check_parity, export_graph
from services.trainer.films import FilmSet, load_films, require_both_classes, require_separate_patients
from services.trainer.fine_tuning import FineTuning
from services.trainer.fit import Fit, Indices
from services.trainer.frozen import FrozenFit, pooled_stages
from services.trainer.metrics import classification_metrics, metrics_by_source
from services.trainer.parts import films_of_part
from services.trainer.report import is_finished, library_versions, training_folder, write_results
from services.trainer.standardisation import breast_statistics
from services.trainer.start import IMAGENET_STATISTICS, name_of_start
from shared.dataset import Dataset, Split
from shared.models import ModelMetadata
from shared.progress import progress


def run(configuration: TrainClassifierConfiguration) -> None:
    """Train the malignancy classifier and write it as an ONNX file with its cutoffs."""
    started = time.monotonic()
    dataset = Dataset.open(configuration.dataset)
    options = _options(configuration)
    if is_finished(configuration, "classifier", dataset.sha256, options):
        return
    checkpoints = training_folder(configuration, "classifier", dataset.sha256, options)
    films = load_films(dataset, splits=[Split.TRAIN, Split.VALIDATION], size=configuration.size)
    films = films.take(films_of_part(films, configuration.part, split=Split.TRAIN, seed=configuration.seed))
    training, validation = _divide(films)
    figures: dict[str, Any] = {}
    with reproducible(seed=configuration.seed, threads=configuration.threads):
        fit = way_of_training(films, training, configuration, checkpoints)
        if configuration.folds:
            figures["cross_validation"] = cross_validate(
                fit, films, folds=configuration.folds, cutoff=configuration.cutoff, seed=configuration.seed
            )
        fitted = fit.fit(training, watch=validation)
        graph = export_graph(fitted.gate(), kind="classifier", size=films.size)
        parity = check_parity(graph, fitted.gate(), films.take(validation[:PARITY_FILMS]))
        scorer = GraphScorer(graph, threads=torch.get_num_threads())
    unseen = films.take(validation)
    with progress("classifying validation films", total=len(unseen)) as reporter:
        probabilities = scorer.score(unseen, "probability", advance=reporter.advance)
    arguments = (unseen.malignant, probabilities, unseen.patients)
    thresholds = classifier_thresholds(unseen.malignant, probabilities, cutoff=configuration.cutoff)
    cutoff = thresholds[configuration.threshold]
    validated = classification_metrics(*arguments, cutoff=cutoff, seed=configuration.seed)
    out_of_fold = figures.get("cross_validation", {}).get("out_of_fold", {})
    metadata = ModelMetadata(
        kind="classifier",
        name=configuration.name,
        input_size=films.size,
        region=configuration.region.value,
        thresholds=thresholds,
        default_threshold=configuration.threshold,
        training_set_sha256=dataset.sha256,
        metrics={
            **fitted.figures(),
            **{f"validation_{name}": value for name, value in validated.items()},
            **{f"out_of_fold_{name}": value for name, value in out_of_fold.items()},
        },
        options=options,
        created_with=library_versions(),
    )
    figures |= {
        "validation_by_source": metrics_by_source(*arguments, unseen.sources, cutoff=cutoff, seed=configuration.seed),
        "films": {"training": len(training), "validation": len(validation)},
        "largest_difference_from_torch": parity,
        "seconds": round(time.monotonic() - started, 1),
    }
    history = fitted.history()
    if history is not None:
        figures |= history.figures()
        write_curves(configuration.output / "classifier-curves.png", history)
    write_results(configuration.output, graph, metadata, figures)
    checkpoints.clear()


def way_of_training(
    films: FilmSet, training: Indices, configuration: TrainClassifierConfiguration, checkpoints: TrainingFolder
) -> Fit:
    """Choose frozen features or full training; random weights see films standardised by those at `training`."""
    random = configuration.start == "random"
    statistics = breast_statistics(films.take(training)) if random else IMAGENET_STATISTICS
    if configuration.freeze:
        return FrozenFit(films, statistics, configuration)
    return FineTuning(films, statistics, configuration, checkpoints)


def _divide(films: FilmSet) -> tuple[Indices, Indices]:
    """Indices of training and of validation films; both must hold both classes and no patient may be in both."""
    in_training = np.array([film.split == Split.TRAIN for film in films.films])
    training, validation = np.flatnonzero(in_training), np.flatnonzero(~in_training)
    require_both_classes(films.take(training), split="training")
    require_both_classes(films.take(validation), split="validation")
    require_separate_patients(films.take(training), films.take(validation))
    return training, validation


def _options(configuration: TrainClassifierConfiguration) -> dict[str, Any]:
    """Hyper-parameters for the model file: no paths, so that equal trainings write equal files.

    A file of first weights stands there as its sha256, a stage that was chosen by default by its name.
    """
    options = configuration.model_dump(mode="json", exclude=set(NOT_IN_MODEL))
    if configuration.freeze:
        options["feature_layer"] = [stage.value for stage in pooled_stages(configuration)]
    options["start"] = name_of_start(configuration.start)
    return options
