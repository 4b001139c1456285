"""From a trained gate to an ONNX graph that computes the same numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from services.trainer.films import FilmSet
from shared.errors import ModelError
from shared.models import OPSET, OUTPUTS

PARITY_TOLERANCE = 1e-4
PARITY_FILMS = 8


def export_graph(gate: nn.Module, *, kind: str, size: int) -> bytes:
    """Export a gate as one ONNX graph with opset 18 and no external data.

    Its inputs are `film` and `mask`, float32 (batch, 1, size, size), its outputs those of `kind`; the batch axis is
    dynamic. The gate is put into evaluation mode. What the exporter notes about source files is left out: the bytes
    depend on the gate alone.
    """
    gate.eval()
    example = (torch.rand(2, 1, size, size), torch.ones(2, 1, size, size))
    batch = {0: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        gate,
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=["film", "mask"],
        output_names=list(OUTPUTS[kind]),
        dynamic_shapes=(batch, batch),
        verbose=False,
    )
    if program is None:
        raise ModelError("the ONNX exporter returned no graph")
    model: onnx.ModelProto = program.model_proto
    _forget_source(model)
    _name_batch_axis(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _forget_source(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes: paths and stack traces of the machine that it ran on."""
    graph = model.graph
    del graph.value_info[:]
    parts: list[Any] = [graph, *graph.node, *graph.input, *graph.output, *graph.initializer]
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""


def _name_batch_axis(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        axis = value.type.tensor_type.shape.dim[0]
        if not axis.dim_param:
            raise ModelError(f"{value.name}: the exported batch axis is {axis.dim_value}: needed is a dynamic one")
        axis.dim_param = "batch"


class GraphScorer:
    """Runs an exported graph on the CPU, one film at a time, as a service of one slot does."""

    def __init__(self, graph: bytes, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, film: NDArray[np.float32], mask: NDArray[np.bool_]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name for one film, float32 (S, S) in [0, 1], and its mask, bool (S, S)."""
        feed = {"film": film[None, None], "mask": mask[None, None].astype(np.float32)}
        return dict(zip(self.outputs, self._session.run(None, feed), strict=True))

    def score(self, films: FilmSet, output: str, *, advance: Callable[[], None] = lambda: None) -> NDArray[np.float64]:
        """One number per film from `output`, float64 (n,); `advance` is called after each film."""
        scores = np.empty(len(films), dtype=np.float64)
        for index in range(len(films)):
            scores[index] = self.run(films.film(index), films.masks[index])[output][0]
            advance()
        return scores


def check_parity(graph: bytes, gate: nn.Module, films: FilmSet, *, tolerance: float = PARITY_TOLERANCE) -> float:
    """Largest difference of any output between ONNX Runtime on the CPU and PyTorch, over `films`.

    Raises ModelError when it is above `tolerance` or not a number.
    """
    gate = gate.eval().cpu()
    scorer = GraphScorer(graph)
    worst = 0.0
    for index in range(len(films)):
        with torch.inference_mode():
            expected: tuple[Tensor, ...] = gate(*films.batch([index]))
        found = scorer.run(films.film(index), films.masks[index])
        for name, value in zip(scorer.outputs, expected, strict=True):
            difference = float(np.abs(found[name] - value.numpy()).max())
            if not difference <= tolerance:
                raise ModelError(
                    f"exported output {name} of film {films.films[index].image_id} differs from PyTorch's by "
                    f"{difference:g}: needed is at most {tolerance:g}; nothing was written"
                )
            worst = max(worst, difference)
    return worst
