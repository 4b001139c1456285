"""What a training leaves behind: the model file and, beside it, its figures."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shared.files import write_atomically
from shared.log import get_logger
from shared.models import ModelMetadata, write_model

_LIBRARIES = ("mammosynth", "torch", "torchvision", "onnx", "onnxscript", "numpy", "scikit-learn")

log = get_logger("trainer")


def library_versions() -> dict[str, str]:
    """Versions of what a model file is made with."""
    return {library: version(library) for library in _LIBRARIES}


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
