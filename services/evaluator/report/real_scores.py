"""Scores real films for the page with the run's own model files."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from services.evaluator.selection import spread
from shared.dataset import Dataset, Label, Split
from shared.errors import ConfigurationError, DatasetError, InvalidImageError
from shared.log import get_logger
from shared.models import read_model
from shared.progress import progress
from shared.record import Scores

_SPLITS = (Split.VALIDATION, Split.GENERATION)


@dataclass(frozen=True)
class RealScores:
    """What the gates say of real films that neither was fitted to."""

    benign: tuple[Scores, ...]
    malignant: tuple[Scores, ...]
    splits: tuple[str, ...]
    of: int
    """Films that these were taken from."""


def score_real_films(dataset: Dataset, models: Path, pinned: dict[str, Any], *, limit: int) -> RealScores:
    """Score films of the splits validation and generation.

    Args:
        dataset: that the run was made from.
        models: folder of anomaly.onnx and classifier.onnx.
        pinned: the run's models by service, each with its sha256: others would say other things.
        limit: films at most, spread evenly.

    Raises:
        ModelError: if a file is missing, or is not the one that the run was made with.
        ConfigurationError: if ONNX Runtime is not installed.

    """
    anomaly, classifier = (
        _session(models / f"{kind}.onnx", kind, str(pinned[kind]["sha256"])) for kind in ("anomaly", "classifier")
    )
    prepare = import_module("shared.scoring.preparation").prepare
    films = [film for film in dataset.films if film.split in _SPLITS]
    found: dict[Label, list[Scores]] = {Label.BENIGN: [], Label.MALIGNANT: []}
    chosen = spread(films, limit)
    with progress("scoring real films", total=len(chosen)) as reporter:
        for film in chosen:
            try:
                pixels, mask = dataset.pixels(film.image_id), dataset.mask(film.image_id)
                ready = [
                    prepare(pixels, mask, size=session.size, region=session.description.region)
                    for session in (anomaly, classifier)
                ]
            except (DatasetError, InvalidImageError) as error:
                get_logger("report").warning("film left out", film=film.image_id, error=error.message)
            else:
                said = classifier.run([ready[1]])
                found[film.label].append(
                    Scores(
                        anomaly=float(anomaly.run([ready[0]])["score"][0]),
                        probability=float(said["probability"][0]),
                        logit=float(said["logit"][0]),
                    )
                )
            reporter.advance()
    splits = tuple(str(split) for split in _SPLITS)
    return RealScores(tuple(found[Label.BENIGN]), tuple(found[Label.MALIGNANT]), splits, len(films))


def _session(path: Path, kind: str, sha256: str) -> Any:
    artefact = read_model(path, kind, expected_sha256=sha256)
    try:
        # ONNX Runtime takes a while to import, and only this needs it.
        session, provider = import_module("shared.scoring.session"), import_module("shared.scoring.provider")
    except ImportError as error:
        raise ConfigurationError(f"--models: needs the extra `cpu` or `gpu` to be installed: {error}") from error
    return session.ScoringSession(artefact, provider=provider.Provider.CPU, batch=None, threads=1)
