"""What a training leaves behind: the model file and, beside it, its figures."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from services.trainer.checkpoint import TrainingFolder
from services.trainer.configuration import TrainingConfiguration
from shared.errors import ConfigurationError, ModelError
from shared.files import write_atomically
from shared.log import get_logger
from shared.models import ModelMetadata, read_model, write_model

_LIBRARIES = ("mammosynth", "torch", "torchvision", "onnx", "onnxscript", "numpy", "scikit-learn")

log = get_logger("trainer")


def library_versions() -> dict[str, str]:
    """Versions of what a model file is made with."""
    return {library: version(library) for library in _LIBRARIES}


def training_folder(
    configuration: TrainingConfiguration, kind: str, training_set_sha256: str, options: Mapping[str, Any]
) -> TrainingFolder:
    """Where checkpoints of this training lie.

    Raises RefusedRunError when those of another one lie there, ConfigurationError when nothing can be written: better
    now than after the first epoch.
    """
    _require_writable(configuration.output)
    identity = {"kind": kind, "training_set_sha256": training_set_sha256, "options": options}
    return TrainingFolder(configuration.output / f"{kind}.training", identity, restart=configuration.restart)


def _require_writable(folder: Path) -> None:
    """Raise ConfigurationError unless files can be made in `folder`, or in the folder that it would be made in."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise ConfigurationError(f"--output: {folder}: cannot be written to: {error.strerror}") from error


def is_finished(
    configuration: TrainingConfiguration, kind: str, training_set_sha256: str, options: Mapping[str, Any]
) -> bool:
    """Whether the output folder holds all that this very training would write; if so, the log says it."""
    path = configuration.output / f"{kind}.onnx"
    if configuration.restart:
        return False
    try:
        model = read_model(path, kind)
        written = json.loads((configuration.output / f"{kind}.json").read_bytes())
    except (ModelError, OSError, ValueError):
        return False
    metadata = model.metadata
    found = (metadata.name, metadata.training_set_sha256, metadata.options, written.get("sha256"))
    if found != (configuration.name, training_set_sha256, json.loads(json.dumps(options)), model.sha256):
        return False
    log.info("training is already finished; --restart trains again", path=str(path), sha256=model.sha256)
    return True


def write_results(folder: Path, graph: bytes, metadata: ModelMetadata, figures: Mapping[str, Any]) -> None:
    """Write `<kind>.onnx` and `<kind>.json`, each whole or not at all, and say the main figures.

    The JSON file holds the metadata, the model file's sha256 and `figures`, which may say more than the model file
    carries.
    """
    path = folder / f"{metadata.kind}.onnx"
    sha256 = write_model(path, graph, metadata)
    content = {
        "model": path.name,
        "sha256": sha256,
        "kind": metadata.kind,
        "name": metadata.name,
        "input_size": metadata.input_size,
        "region": metadata.region,
        "thresholds": metadata.thresholds,
        "default_threshold": metadata.default_threshold,
        "training_set_sha256": metadata.training_set_sha256,
        "metrics": metadata.metrics,
        "options": metadata.options,
        "created_with": metadata.created_with,
        **figures,
    }
    write_atomically(folder / f"{metadata.kind}.json", (json.dumps(content, indent=2) + "\n").encode())
    log.info("model written", path=str(path), sha256=sha256, thresholds=metadata.thresholds, **metadata.metrics)
