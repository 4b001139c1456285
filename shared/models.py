"""Model files of the two gates: ONNX, with everything a service and a run must know in the file's metadata.

Inputs `film` and `mask`, float32 of shape (batch, 1, size, size), the film in [0, 1], the mask 0 or 1. Outputs of an
anomaly detector: `score` (batch,) and `reconstruction` (batch, 1, size, size); of a classifier: `logit` and
`probability` (batch,). The probability is always the logistic of the logit: where a classifier was calibrated by a
temperature, the graph divides the logit by it, thresholds are meant for what comes out, and the metric `temperature`
says the number. A texture detector reconstructs nothing: its `reconstruction` is the film, darker where its texture is
odd, by the share that real films' limit is of what was found there.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto
from onnx.external_data_helper import _get_all_tensors, uses_external_data

from shared.errors import ModelError
from shared.files import write_atomically

SCHEMA_VERSION = 1
OPSET = 18
OLDEST_OPSET, NEWEST_OPSET = 17, 23

OUTPUTS = {"anomaly": ("score", "reconstruction"), "classifier": ("logit", "probability")}
INPUTS = ("film", "mask")
_PREFIX = "mammosynth."
_NEEDED_BY_NAME: dict[str, tuple[type, ...]] = {
    "thresholds": (float, int),
    "metrics": (float, int),
    "options": (object,),
    "created_with": (str,),
}


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """What a model file says of itself."""

    kind: str
    """"anomaly" or "classifier"."""
    name: str
    input_size: int
    """Rows and columns of the input, in pixels."""
    region: str
    """Part of the film that the score is taken over: "film" or "breast"."""
    thresholds: dict[str, float]
    """Named thresholds, in the unit of the score."""
    default_threshold: str
    """Name of the threshold that is meant when nobody names one."""
    training_set_sha256: str
    """Of the data set that the model was trained on."""
    metrics: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    """Hyper-parameters, as given or by default."""
    created_with: dict[str, str] = field(default_factory=dict)
    """Versions of the libraries that made the file."""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        self._check_types()
        if self.kind not in OUTPUTS:
            raise ModelError(f"metadata: found kind {self.kind!r}, needed one of {', '.join(OUTPUTS)}")
        if self.schema_version != SCHEMA_VERSION:
            raise ModelError(f"metadata: found schema version {self.schema_version}, needed {SCHEMA_VERSION}")
        if self.region not in ("film", "breast"):
            raise ModelError(f"metadata: found region {self.region!r}, needed film or breast")
        if type(self.input_size) is not int or self.input_size < 16:
            raise ModelError(f"metadata: found input size {self.input_size!r}, needed 16 or more")
        if not all(math.isfinite(value) for value in self.thresholds.values()):
            raise ModelError(f"metadata: found thresholds {self.thresholds!r}, needed finite numbers")
        if self.default_threshold not in self.thresholds:
            raise ModelError(
                f"metadata: default threshold {self.default_threshold!r} is none of {', '.join(self.thresholds)}"
            )

    def _check_types(self) -> None:
        """Refuse what JSON can hold but a model cannot mean."""
        for name in ("detector", "on") if isinstance(self.options, dict) else ():
            if not isinstance(self.options.get(name, ""), str):
                raise ModelError(f"metadata: found {name} {self.options[name]!r}, needed some text")
        for name in ("kind", "name", "region", "default_threshold", "training_set_sha256"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise ModelError(f"metadata: found {name} {value!r}, needed some text")
        for name, needed in _NEEDED_BY_NAME.items():
            value = getattr(self, name)
            if not isinstance(value, dict) or not all(isinstance(item, needed) for item in value.values()):
                what = " or ".join(kind.__name__ for kind in needed)
                raise ModelError(f"metadata: found {name} {value!r}, needed {what} by name")

    @property
    def detector(self) -> str:
        """How an anomaly detector works, "unet" (also where the file does not say) or "texture"; empty otherwise."""
        name: str = self.options.get("detector", "unet") if self.kind == "anomaly" else ""
        return name

    @property
    def on(self) -> str:
        """What it was trained on: "films" (also where the file does not say), or "lesions", crops around them."""
        name: str = self.options.get("on", "films")
        return name

    def to_properties(self) -> dict[str, str]:
        """Write each field as one ONNX metadata property, in JSON."""
        return {f"{_PREFIX}{key}": json.dumps(value, sort_keys=True) for key, value in asdict(self).items()}

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> "ModelMetadata":
        """Read what `to_properties` wrote.

        Raises:
            ModelError: naming the property that is missing or holds something else.

        """
        values: dict[str, Any] = {}
        for item in fields(cls):
            text = properties.get(f"{_PREFIX}{item.name}")
            if text is None:
                raise ModelError(f"metadata: property {_PREFIX}{item.name} is missing; is this a model of mammosynth?")
            try:
                values[item.name] = json.loads(text)
            except json.JSONDecodeError as error:
                raise ModelError(f"metadata: property {_PREFIX}{item.name}: {error}") from error
        return cls(**values)


@dataclass(frozen=True)
class ModelArtefact:
    """A model file that was read and found to be in order."""

    path: Path
    sha256: str
    metadata: ModelMetadata
    data: bytes
    """The ONNX file."""


def write_model(path: Path, data: bytes, metadata: ModelMetadata) -> str:
    """Put the metadata into an ONNX model and write it in one piece; returns the file's sha256.

    Raises:
        ModelError: if the model has not the inputs and outputs of its kind.

    """
    model = onnx.load_model_from_string(data)
    onnx.helper.set_model_props(model, metadata.to_properties())
    _check_graph(path, model, metadata)
    written = model.SerializeToString()
    write_atomically(path, written)
    return hashlib.sha256(written).hexdigest()


def read_model(path: Path, kind: str, *, expected_sha256: str | None = None) -> ModelArtefact:
    """Read a model file and check it before anything runs it.

    Args:
        path: the file.
        kind: "anomaly" or "classifier".
        expected_sha256: hash that the file must have; None takes any.

    Raises:
        ModelError: naming the file, what was found and what is needed.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; needed a model file of kind {kind}") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if expected_sha256 and sha256 != expected_sha256.lower():
        raise ModelError(f"{path}: found sha256 {sha256}, needed {expected_sha256}")
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelError(f"{path}: is no ONNX file: {error}") from error
    try:
        metadata = ModelMetadata.from_properties({item.key: item.value for item in model.metadata_props})
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}") from error
    if metadata.kind != kind:
        raise ModelError(f"{path}: found a model of kind {metadata.kind}, needed {kind}")
    _check_graph(path, model, metadata)
    return ModelArtefact(path=path, sha256=sha256, metadata=metadata, data=data)


def _check_graph(path: Path, model: Any, metadata: ModelMetadata) -> None:
    opset = max((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=0)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ModelError(f"{path}: found opset {opset}, needed {OLDEST_OPSET} to {NEWEST_OPSET}")
    if any(uses_external_data(tensor) for tensor in _get_all_tensors(model)):
        raise ModelError(f"{path}: keeps weights in another file; needed all of them inside")
    found = {item.name: _shape(item) for item in model.graph.input}
    types = {item.name: item.type.tensor_type.elem_type for item in model.graph.input}
    size = metadata.input_size
    for name in INPUTS:
        if name not in found:
            raise ModelError(f"{path}: found inputs {', '.join(found) or 'none'}, needed {' and '.join(INPUTS)}")
        if types[name] != TensorProto.FLOAT:
            raise ModelError(f"{path}: input {name}: found type {TensorProto.DataType.Name(types[name])}, needed FLOAT")
        if found[name][1:] != [1, size, size]:
            raise ModelError(f"{path}: input {name}: found shape {found[name]}, needed [batch, 1, {size}, {size}]")
    outputs = tuple(item.name for item in model.graph.output)
    if set(outputs) != set(OUTPUTS[metadata.kind]):
        raise ModelError(
            f"{path}: found outputs {', '.join(outputs) or 'none'}, needed {' and '.join(OUTPUTS[metadata.kind])}"
        )


def _shape(item: Any) -> list[int | str]:
    return [dimension.dim_value or dimension.dim_param for dimension in item.type.tensor_type.shape.dim]
