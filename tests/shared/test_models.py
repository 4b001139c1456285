"""Model files: what they say of themselves, and which ones are refused."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from shared.errors import ModelError
from shared.models import ModelMetadata, read_model, write_model
from tests import tiny_models
from tests.tiny_models import SIZE


def test_a_model_file_tells_what_was_written_into_it(tmp_path: Path) -> None:
    path = tmp_path / "anomaly.onnx"
    sha256 = tiny_models.write_anomaly(path, options={"widths": [8, 16]}, created_with={"torch": "2.7"})
    artefact = read_model(path, "anomaly", expected_sha256=sha256.upper())
    assert artefact.metadata == tiny_models.metadata(
        "anomaly", options={"widths": [8, 16]}, created_with={"torch": "2.7"}
    )
    assert (artefact.path, artefact.sha256, artefact.data) == (path, sha256, path.read_bytes())


DETECTORS: dict[str, tuple[str, dict[str, Any], str]] = {
    "told": ("anomaly", {"detector": "texture"}, "texture"),
    "not told": ("anomaly", {}, "unet"),
    "a classifier": ("classifier", {}, ""),
}


@pytest.mark.parametrize(("kind", "options", "detector"), DETECTORS.values(), ids=DETECTORS.keys())
def test_a_model_file_tells_how_it_detects(kind: str, options: dict[str, Any], detector: str) -> None:
    assert tiny_models.metadata(kind, options=options).detector == detector


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(min_size=1), finite, min_size=1), st.text(min_size=1), st.integers(16, 8192))
def test_metadata_survives_the_way_through_properties(thresholds: dict[str, float], name: str, size: int) -> None:
    metadata = tiny_models.metadata(
        "classifier", thresholds=thresholds, default_threshold=min(thresholds), name=name, input_size=size
    )
    assert ModelMetadata.from_properties(metadata.to_properties()) == metadata


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from([item.name for item in fields(ModelMetadata)]), json_values)
def test_whatever_a_property_holds_it_is_read_or_refused(field: str, value: Any) -> None:
    properties = tiny_models.metadata("anomaly").to_properties()
    with suppress(ModelError):
        metadata = ModelMetadata.from_properties(properties | {f"mammosynth.{field}": json.dumps(value)})
        assert math.isfinite(metadata.thresholds[metadata.default_threshold])
        assert metadata.name


BAD_METADATA = {
    "region": ({"region": "lesion"}, "found region 'lesion', needed film or breast"),
    "size": ({"input_size": 8}, "found input size 8, needed 16 or more"),
    "schema": ({"schema_version": 2}, "found schema version 2, needed 1"),
    "infinite threshold": ({"thresholds": {"validation_p95": math.inf}}, "found thresholds .*, needed finite numbers"),
    "default": ({"default_threshold": "best"}, "default threshold 'best' is none of training_p95, validation_p95"),
    "thresholds": ({"thresholds": [0.5]}, r"found thresholds \[0\.5\], needed float or int by name"),
    "text threshold": ({"thresholds": {"validation_p95": "0.5"}}, "found thresholds .*, needed float or int by name"),
    "name": ({"name": ""}, "found name '', needed some text"),
    "detector": ({"options": {"detector": 1}}, "found detector 1, needed some text"),
}


@pytest.mark.parametrize(("changes", "message"), BAD_METADATA.values(), ids=BAD_METADATA.keys())
def test_metadata_that_cannot_be_true_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=f"metadata: {message}"):
        tiny_models.metadata("anomaly", **changes)


def test_metadata_of_an_unknown_kind_is_refused() -> None:
    properties = tiny_models.metadata("anomaly").to_properties() | {"mammosynth.kind": '"detector"'}
    with pytest.raises(ModelError, match="found kind 'detector', needed one of anomaly, classifier"):
        ModelMetadata.from_properties(properties)


def written(folder: Path, change: Callable[[onnx.ModelProto], Any], *, kind: str = "anomaly") -> Path:
    """A model file that was in order before `change`."""
    path = folder / "changed.onnx"
    (tiny_models.write_anomaly if kind == "anomaly" else tiny_models.write_classifier)(path)
    model = onnx.load_model(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def set_opset(model: onnx.ModelProto, version: int) -> None:
    model.opset_import[0].version = version


def set_side(model: onnx.ModelProto, side: int) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = side


def set_type(model: onnx.ModelProto) -> None:
    model.graph.input[1].type.tensor_type.elem_type = TensorProto.FLOAT16


def point_elsewhere(tensor: onnx.TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../elsewhere.bin")


def hide_elsewhere(model: onnx.ModelProto) -> None:
    tensor = helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
    point_elsewhere(tensor)
    model.graph.node.append(helper.make_node("Constant", [], ["constant"], value=tensor))


def drop_property(model: onnx.ModelProto, name: str) -> None:
    kept = [item for item in model.metadata_props if item.key != f"mammosynth.{name}"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def set_property(model: onnx.ModelProto, name: str, value: str) -> None:
    next(item for item in model.metadata_props if item.key == f"mammosynth.{name}").value = value


REFUSED: dict[str, tuple[Callable[[onnx.ModelProto], Any], str]] = {
    "old opset": (lambda model: set_opset(model, 12), "found opset 12, needed 17 to 23"),
    "new opset": (lambda model: set_opset(model, 99), "found opset 99, needed 17 to 23"),
    "another input size": (
        lambda model: set_side(model, 64),
        rf"input film: found shape \['batch', 1, {SIZE}, 64\], needed \[batch, 1, {SIZE}, {SIZE}\]",
    ),
    "another input type": (set_type, "input mask: found type FLOAT16, needed FLOAT"),
    "input missing": (lambda model: model.graph.input.pop(), "found inputs film, needed film and mask"),
    "output missing": (
        lambda model: model.graph.output.pop(),
        "found outputs score, needed score and reconstruction",
    ),
    "external data": (
        lambda model: point_elsewhere(model.graph.initializer[0]),
        "keeps weights in another file; needed all of them inside",
    ),
    "external data in a constant": (hide_elsewhere, "keeps weights in another file; needed all of them inside"),
    "property missing": (
        lambda model: drop_property(model, "region"),
        r"metadata: property mammosynth\.region is missing; is this a model of mammosynth\?",
    ),
    "property broken": (lambda model: set_property(model, "metrics", "{"), r"property mammosynth\.metrics: Expecting"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_model_file_that_is_not_in_order_is_refused_by_name(
    change: Callable[[onnx.ModelProto], Any], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, change)
    with pytest.raises(ModelError, match=message) as caught:
        read_model(path, "anomaly")
    assert str(path) in caught.value.message


def test_another_hash_than_the_one_expected_is_refused(tmp_path: Path) -> None:
    sha256 = tiny_models.write_anomaly(tmp_path / "anomaly.onnx")
    with pytest.raises(ModelError, match=f"found sha256 {sha256}, needed {'0' * 64}"):
        read_model(tmp_path / "anomaly.onnx", "anomaly", expected_sha256="0" * 64)


def test_a_model_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    tiny_models.write_classifier(tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="found a model of kind classifier, needed anomaly"):
        read_model(tmp_path / "model.onnx", "anomaly")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\xff no ONNX")
    with pytest.raises(ModelError, match="is no ONNX file"):
        read_model(tmp_path / "model.onnx", "anomaly")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file or directory; needed a model file of kind anom"):
        read_model(tmp_path / "model.onnx", "anomaly")


def test_a_graph_that_does_not_fit_its_metadata_is_not_written(tmp_path: Path) -> None:
    data = tiny_models.anomaly_graph(64).SerializeToString()
    with pytest.raises(ModelError, match=r"needed \[batch, 1, 32, 32\]"):
        write_model(tmp_path / "model.onnx", data, tiny_models.metadata("anomaly"))
    assert not (tmp_path / "model.onnx").exists()
