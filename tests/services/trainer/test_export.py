import numpy as np
import onnx
import pytest
import torch
from torch import nn

from services.trainer.configuration import Backbone, Region
from services.trainer.export import GraphScorer, check_parity, export_graph
from services.trainer.films import FilmSet
from services.trainer.gates import AnomalyGate, ClassifierGate
from services.trainer.resnet import Classifier, PooledResNet
from services.trainer.standardisation import PixelStatistics
from services.trainer.start import starting_network
from services.trainer.unet import UNet
from shared.errors import ModelError
from shared.models import OUTPUTS
from tests.services.trainer.made_films import SIZE

STATISTICS = PixelStatistics(mean=0.4, std=0.2)


def settled(network: nn.Module) -> nn.Module:
    """Give batch normalisation statistics of its own, so that leaving it out would show."""
    generator = torch.Generator().manual_seed(1)
    network.train()
    with torch.no_grad():
        inputs = torch.randn(4, 1, SIZE, SIZE, generator=generator)
        network(inputs) if isinstance(network, UNet) else network(inputs, torch.ones_like(inputs))
    return network.eval()


def anomaly_gate(region: Region) -> AnomalyGate:
    torch.manual_seed(0)
    return AnomalyGate(settled(UNet(widths=(4, 6, 8))), STATISTICS, region=region)


def classifier_gate(**options: object) -> ClassifierGate:
    torch.manual_seed(0)
    trunk = PooledResNet(starting_network("random", Backbone.RESNET18), **options)
    gate = ClassifierGate(settled(Classifier(trunk)), STATISTICS)
    gate.temperature = 1.7 if options else 1.0
    return gate


GATES = {
    "anomaly-film": ("anomaly", lambda: anomaly_gate(Region.FILM)),
    "anomaly-breast": ("anomaly", lambda: anomaly_gate(Region.BREAST)),
    "classifier-plain": ("classifier", classifier_gate),
    "classifier-frozen": (
        "classifier",
        lambda: classifier_gate(
            stages=("layer1", "layer3"), masked=True, deviations=True, strongest=True, input_size=48
        ),
    ),
}


@pytest.fixture(scope="module", params=GATES, ids=list(GATES))
def exported(request: pytest.FixtureRequest) -> tuple[str, nn.Module, bytes]:
    """Kind, gate and graph."""
    kind, build = GATES[request.param]
    gate = build()
    return kind, gate, export_graph(gate, kind=kind, size=SIZE)


def test_onnx_runtime_gives_pytorchs_numbers(exported: tuple[str, nn.Module, bytes], validation: FilmSet):
    kind, gate, graph = exported
    scorer = GraphScorer(graph)
    assert tuple(scorer.outputs) == OUTPUTS[kind]
    for index in range(4):
        with torch.inference_mode():
            expected = gate(*validation.batch([index]))
        found = scorer.run(validation.film(index), validation.masks[index])
        for name, value in zip(scorer.outputs, expected, strict=True):
            np.testing.assert_allclose(found[name], value, atol=1e-5)
    assert check_parity(graph, gate, validation) < 1e-5


def test_graph_keeps_the_contract_and_nothing_of_the_machine(exported: tuple[str, nn.Module, bytes]):
    kind, _, graph = exported
    model = onnx.load_model_from_string(graph)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 18)]
    for value in model.graph.input:
        dimensions = value.type.tensor_type.shape.dim
        assert dimensions[0].dim_param == "batch"
        assert [dimension.dim_value for dimension in dimensions[1:]] == [1, SIZE, SIZE]
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [value.name for value in model.graph.input] == ["film", "mask"]
    assert [value.name for value in model.graph.output] == list(OUTPUTS[kind])
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
    text = model.SerializeToString()
    assert b".py" not in text
    assert b"services" not in text


def test_batches_of_any_length_are_taken(exported: tuple[str, nn.Module, bytes], validation: FilmSet):
    _, gate, graph = exported
    session = GraphScorer(graph)._session
    films, masks = validation.batch([0, 1, 2])
    found = session.run(None, {"film": films.numpy(), "mask": masks.numpy()})
    with torch.inference_mode():
        for value, expected in zip(found, gate(films, masks), strict=True):
            np.testing.assert_allclose(value, expected, atol=1e-5)


def test_equal_gates_give_equal_bytes():
    one, other = (export_graph(anomaly_gate(Region.BREAST), kind="anomaly", size=SIZE) for _ in range(2))
    assert one == other


def test_a_graph_that_differs_from_the_gate_is_refused(validation: FilmSet):
    gate = anomaly_gate(Region.BREAST)
    graph = export_graph(gate, kind="anomaly", size=SIZE)
    with torch.no_grad():
        gate.autoencoder.output.bias += 0.01
    with pytest.raises(ModelError, match=r"exported output score of film .* differs .* nothing was written"):
        check_parity(graph, gate, validation)


def test_a_graph_that_gives_no_number_is_refused(validation: FilmSet):
    gate = anomaly_gate(Region.BREAST)
    with torch.no_grad():
        gate.autoencoder.output.bias.fill_(float("nan"))
    with pytest.raises(ModelError, match="differs from PyTorch's by nan"):
        check_parity(export_graph(gate, kind="anomaly", size=SIZE), gate, validation)
