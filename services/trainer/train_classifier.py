"""`mammosynth train classifier`: how probably a film is malignant, and how well that holds for patients not seen."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from services.trainer.calibration import classifier_thresholds
from services.trainer.checkpoint import TrainingFolder
from services.trainer.classifier_picture import draw_report
from services.trainer.classifier_report import Judged
from services.trainer.configuration import TrainClassifierConfiguration
from services.trainer.cross_validation import OutOfFold, cross_validate
from services.trainer.curves import write_curves, write_picture
from services.trainer.export import PARITY_FILMS, GraphScorer, check_parity, export_graph
from services.trainer.films import (
    FilmSet,
    load_films,
    open_dataset,
    require_both_classes,
    require_separate_patients,
)
from services.trainer.fine_tuning import FineTuning
from services.trainer.fit import Fit, Fitted, Indices
from services.trainer.frozen import FrozenFit, pooled_stages
from services.trainer.parts import films_of_part
from services.trainer.report import is_finished, library_versions, training_folder, write_results
from services.trainer.source_alone import source_alone
from services.trainer.standardisation import breast_statistics
from services.trainer.start import IMAGENET_STATISTICS, name_of_start
from services.trainer.temperature import Scaling, fit_scaling
from shared.dataset import Dataset, Split
from shared.determinism import reproducible
from shared.models import ModelMetadata
from shared.progress import progress


@dataclass(frozen=True)
class _Films:
    """All films that the training may see, and which of them are learnt from."""

    all: FilmSet
    training: Indices
    validation: Indices

    @property
    def unseen(self) -> FilmSet:
        return self.all.take(self.validation)


@dataclass(frozen=True)
class _Trained:
    """A classifier as it will be served, and what it says of films that it has not learnt from."""

    fitted: Fitted
    graph: bytes
    parity: float
    scaling: Scaling | None
    validation: Judged
    out_of_fold: Judged | None
    auc_by_fold: list[float]


def run(configuration: TrainClassifierConfiguration) -> None:
    """Train the malignancy classifier and write it as an ONNX file with its cutoffs."""
    started = time.monotonic()
    dataset = open_dataset(configuration)
    options = _options(configuration)
    if is_finished(configuration, "classifier", dataset.sha256, options):
        return
    checkpoints = training_folder(configuration, "classifier", dataset.sha256, options)
    films = _load(dataset, configuration)
    shortcut = source_alone(films.all.malignant, films.all.sources, films.all.patients, seed=configuration.seed)
    if shortcut is not None:
        shortcut.warn()
    with reproducible(seed=configuration.seed, threads=configuration.threads):
        trained = _train(films, configuration, checkpoints)
    judged = {"validation": trained.validation}
    if trained.out_of_fold is not None:
        judged["out_of_fold"] = trained.out_of_fold
    thresholds = classifier_thresholds(
        trained.validation.malignant, trained.validation.probabilities, cutoff=configuration.cutoff
    )
    figures: dict[str, Any] = {
        name: one.figures(cutoff=thresholds[configuration.threshold], seed=configuration.seed)
        for name, one in judged.items()
    }
    metrics = {f"{name}_{key}": value for name in judged for key, value in figures[name]["overall"].items()}
    metadata = ModelMetadata(
        kind="classifier",
        name=configuration.name,
        input_size=films.all.size,
        region=configuration.region.value,
        thresholds=thresholds,
        default_threshold=configuration.threshold,
        training_set_sha256=dataset.sha256,
        metrics=trained.fitted.figures() | (trained.scaling.metrics() if trained.scaling else {}) | metrics,
        options=options,
        created_with=library_versions(),
    )
    history = trained.fitted.history()
    figures |= {
        "auc_by_fold": trained.auc_by_fold,
        "temperature": trained.scaling.figures() if trained.scaling else None,
        "source_alone": shortcut.figures() if shortcut else None,
        **(history.figures() if history else {}),
        "films": {"training": len(films.training), "validation": len(films.validation)},
        "largest_difference_from_torch": trained.parity,
        "seconds": round(time.monotonic() - started, 1),
    }
    if history is not None:
        write_curves(configuration.output / "classifier-curves.png", history)
    write_picture(configuration.output / "classifier-report.png", draw_report(judged))
    write_results(configuration.output, trained.graph, metadata, figures)
    checkpoints.clear()


def _train(films: _Films, configuration: TrainClassifierConfiguration, checkpoints: TrainingFolder) -> _Trained:
    """Cross-validate where asked, fit to the training films, calibrate where asked, and export."""
    fit = way_of_training(films.all, films.training, configuration, checkpoints)
    out_of_fold: OutOfFold | None = None
    if configuration.folds:
        out_of_fold = cross_validate(fit, films.all, folds=configuration.folds, seed=configuration.seed)
    fitted = fit.fit(films.training, watch=films.validation)
    gate, unseen, scaling = fitted.gate(), films.unseen, None
    if configuration.temperature and out_of_fold is not None:
        scaling = fit_scaling(films.all.malignant, out_of_fold.logits, fitted_on="out_of_fold")
    elif configuration.temperature:
        scaling = fit_scaling(unseen.malignant, fitted.logits(films.validation), fitted_on="validation")
    if scaling is not None:
        gate.temperature = scaling.temperature
    graph = export_graph(gate, kind="classifier", size=unseen.size)
    parity = check_parity(graph, gate, unseen.take(np.arange(min(PARITY_FILMS, len(unseen)))))
    scorer = GraphScorer(graph, threads=torch.get_num_threads())
    with progress("classifying validation films", total=len(unseen)) as reporter:
        probabilities = scorer.score(unseen, "probability", advance=reporter.advance)
    left_out = None
    if out_of_fold is not None:
        left_out = Judged.of(films.all, expit(out_of_fold.logits / gate.temperature))
    areas = out_of_fold.auc_by_fold if out_of_fold is not None else []
    return _Trained(fitted, graph, parity, scaling, Judged.of(unseen, probabilities), left_out, areas)


def way_of_training(
    films: FilmSet, training: Indices, configuration: TrainClassifierConfiguration, checkpoints: TrainingFolder
) -> Fit:
    """Choose frozen features or full training; random weights see films standardised by those at `training`."""
    random = configuration.start == "random"
    statistics = breast_statistics(films.take(training)) if random else IMAGENET_STATISTICS
    if configuration.freeze:
        return FrozenFit(films, statistics, configuration)
    return FineTuning(films, statistics, configuration, checkpoints)


def _load(dataset: Dataset, configuration: TrainClassifierConfiguration) -> _Films:
    """Read films to learn from and to judge by; both must hold both classes and no patient may be in both."""
    films = load_films(dataset, splits=[Split.TRAIN, Split.VALIDATION], size=configuration.size)
    films = films.take(films_of_part(films, configuration.part, split=Split.TRAIN, seed=configuration.seed))
    in_training = np.array([film.split == Split.TRAIN for film in films.films])
    training, validation = np.flatnonzero(in_training), np.flatnonzero(~in_training)
    require_both_classes(films.take(training), split="training")
    require_both_classes(films.take(validation), split="validation")
    require_separate_patients(films.take(training), films.take(validation))
    return _Films(films, training, validation)


def _options(configuration: TrainClassifierConfiguration) -> dict[str, Any]:
    """Hyper-parameters for the model file: no paths, so that equal trainings write equal files.

    A file of first weights stands there as its sha256, a stage that was chosen by default by its name.
    """
    options = configuration.model_dump(mode="json", exclude=set(configuration.not_in_model))
    if configuration.freeze:
        options["feature_layer"] = [stage.value for stage in pooled_stages(configuration)]
    options["start"] = name_of_start(configuration.start)
    return options
