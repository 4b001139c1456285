"""Gates of a few hundred weights, so that tests run the real ONNX Runtime without training anything."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from shared.models import ModelMetadata, write_model

SIZE = 32


def metadata(kind: str, **changes: Any) -> ModelMetadata:
    """What a tiny model says of itself."""
    thresholds = {
        "anomaly": {"training_p95": 0.5, "validation_p95": 0.6},
        "classifier": {"cutoff": 0.7},
    }
    values: dict[str, Any] = {
        "kind": kind,
        "name": f"tiny-{kind}",
        "input_size": SIZE,
        "region": "breast",
        "thresholds": thresholds[kind],
        "default_threshold": "validation_p95" if kind == "anomaly" else "cutoff",
        "training_set_sha256": "ab" * 32,
        "metrics": {"auc": 0.75},
    }
    return ModelMetadata(**(values | changes))


def write_anomaly(path: Path, **changes: Any) -> str:
    """Write an anomaly detector that blurs the film by two convolutions; returns the file's sha256."""
    described = metadata("anomaly", **changes)
    return write_model(path, anomaly_graph(described.input_size).SerializeToString(), described)


def write_classifier(path: Path, **changes: Any) -> str:
    """Write a classifier of one convolution and one linear layer; returns the file's sha256."""
    described = metadata("classifier", **changes)
    return write_model(path, classifier_graph(described.input_size).SerializeToString(), described)


def write_texture_gates(folder: Path, *, size: int, midpoint: float, gain: float, **changes: Any) -> None:
    """Write an anomaly detector and a classifier that see nothing but fine texture, so that style transfer moves them.

    The classifier's logit is `gain` times (mean |Laplacian| inside the breast, less `midpoint`); the anomaly score is
    that mean.
    """
    texture = [
        helper.make_node("Pad", ["film", "border"], ["padded"], mode="edge"),
        helper.make_node("Conv", ["padded", "laplacian"], ["curvature"]),
        helper.make_node("Abs", ["curvature"], ["strengths"]),
        *_mean_inside("strengths", "mean"),
    ]
    weights: dict[str, Any] = {
        "laplacian": np.array([[[[0, 1, 0], [1, -4, 1], [0, 1, 0]]]], dtype=np.float32),
        "border": np.array([0, 0, 1, 1, 0, 0, 1, 1], dtype=np.int64),
        "midpoint": np.array([midpoint], dtype=np.float32),
        "gain": np.array([gain], dtype=np.float32),
    }
    logistic = [
        helper.make_node("Sub", ["mean", "midpoint"], ["distance"]),
        helper.make_node("Mul", ["distance", "gain"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    copies = [
        helper.make_node("Identity", ["mean"], ["score"]),
        helper.make_node("Identity", ["film"], ["reconstruction"]),
    ]
    anomaly = _model(
        [*texture, *copies],
        {name: weights[name] for name in ("laplacian", "border")},
        {"score": ["batch"], "reconstruction": ["batch", 1, size, size]},
        size=size,
    )
    classifier = _model([*texture, *logistic], weights, {"logit": ["batch"], "probability": ["batch"]}, size=size)
    for kind, model in (("anomaly", anomaly), ("classifier", classifier)):
        described = metadata(kind, input_size=size, **changes)
        write_model(folder / f"{kind}.onnx", model.SerializeToString(), described)


def anomaly_graph(
    size: int = SIZE, *, opset: int = 18, batch: int | str = "batch", sees_batch: bool = False
) -> onnx.ModelProto:
    """`score` = mean of |film - reconstruction| inside the mask; `reconstruction` = two convolutions.

    With `sees_batch` the number of films in the batch is added to the score: some kernels of some devices round
    differently for each shape, and this model does so everywhere.
    """
    nodes = [
        helper.make_node("Conv", ["film", "kernel_in"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("Conv", ["active", "kernel_out"], ["reconstruction"], pads=[1, 1, 1, 1]),
        helper.make_node("Sub", ["film", "reconstruction"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["error"]),
        *_mean_inside("error", "mean" if sees_batch else "score"),
    ]
    if sees_batch:
        nodes += [
            helper.make_node("Shape", ["film"], ["films"], start=0, end=1),
            helper.make_node("Cast", ["films"], ["count"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["mean", "count"], ["score"]),
        ]
    weights = {"kernel_in": _noise((8, 1, 3, 3), 1), "kernel_out": np.abs(_noise((1, 8, 3, 3), 2)) / 16}
    outputs = {"score": [batch], "reconstruction": [batch, 1, size, size]}
    return _model(nodes, weights, outputs, size=size, opset=opset, batch=batch)


def classifier_graph(size: int = SIZE) -> onnx.ModelProto:
    """`logit` = linear in the mean absolute features inside the mask; `probability` = its logistic function."""
    nodes = [
        helper.make_node("Conv", ["film", "kernel_in"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("Abs", ["features"], ["strengths"]),
        *_mean_inside("strengths", "means"),
        helper.make_node("Gemm", ["means", "linear", "bias"], ["column"]),
        helper.make_node("Squeeze", ["column", "last"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    weights = {
        "kernel_in": _noise((8, 1, 3, 3), 3),
        "linear": _noise((8, 1), 4) * 4,
        "bias": np.array([0.1], dtype=np.float32),
    }
    return _model(nodes, weights, {"logit": ["batch"], "probability": ["batch"]}, size=size)


def _mean_inside(values: str, result: str) -> list[onnx.NodeProto]:
    """Mean over rows and columns inside the mask; the channel axis goes where there is one channel."""
    axes = "spatial" if result == "means" else "all"
    return [
        helper.make_node("Mul", [values, "mask"], ["inside"]),
        helper.make_node("ReduceSum", ["inside", axes], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", axes], ["area"], keepdims=0),
        helper.make_node("Div", ["total", "area"], [result]),
    ]


def _noise(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _model(
    nodes: list[onnx.NodeProto],
    weights: dict[str, Any],
    outputs: dict[str, list[Any]],
    *,
    size: int,
    opset: int = 18,
    batch: int | str = "batch",
) -> onnx.ModelProto:
    constants = {"spatial": [2, 3], "all": [1, 2, 3], "last": [1]}
    used = {name for node in nodes for name in node.input}
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    initializers += [
        numpy_helper.from_array(np.array(value, dtype=np.int64), name)
        for name, value in constants.items()
        if name in used
    ]
    shape = [batch, 1, size, size]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("film", "mask")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, value) for name, value in outputs.items()],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
