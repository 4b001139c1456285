"""From a checkpoint of Inception v3 to the file that `evaluate` takes."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torchvision.models.inception import BasicConv2d

from services.evaluator.configuration import ConvertInceptionConfiguration
from services.evaluator.convert_inception import run
from services.evaluator.distances.inception import build_network, load_inception
from services.evaluator.distances.tensorflow_names import LAYERS
from shared.errors import ConfigurationError, ModelError, WeightsNotFoundError
from tests.services.evaluator.distances.test_inception import weights
from tests.services.evaluator.run_writer import breast


def converted(state: dict[str, torch.Tensor], folder: Path) -> Path:
    torch.save(state, folder / "checkpoint.pth")
    output = folder / "inception.safetensors"
    assert run(ConvertInceptionConfiguration(checkpoint=folder / "checkpoint.pth", output=output)) == 0
    return output


@pytest.mark.parametrize(("fid", "name"), [(True, "FID Inception"), (False, "torchvision Inception")])
def test_a_state_dict_becomes_a_file_that_measures_the_same(
    tmp_path: Path, fid: bool, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state = weights(1, fid=fid)
    safetensors.torch.save_file(state, tmp_path / "own.safetensors")
    without_counters = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    classes = state["fc.bias"].shape[0]
    more = {"fc.weight": torch.zeros(classes, 2048), "AuxLogits.fc.bias": torch.zeros(classes)}
    found = load_inception(str(converted(without_counters | more, tmp_path)))
    film = breast(1, 32)[0]
    assert found.name == name
    np.testing.assert_array_equal(found([film]), load_inception(str(tmp_path / "own.safetensors"))([film]))
    said = capsys.readouterr().out
    assert f"{name}, " in said
    assert f"sha256 {found.sha256}" in said


def test_the_graphs_names_become_torchvisions(tmp_path: Path) -> None:
    state = weights(2, fid=True)
    assert len(set(LAYERS.values())) == len(LAYERS) == sum(name.endswith("conv.weight") for name in state)
    graph: dict[str, torch.Tensor] = {}
    generator = torch.Generator().manual_seed(3)
    for name, own in LAYERS.items():
        graph[f"net.layers.{name}.weight"] = state[f"{own}.conv.weight"]
        for part, buffer in (("beta", "bias"), ("mean", "running_mean"), ("var", "running_var")):
            drawn = torch.rand(state[f"{own}.bn.{buffer}"].shape, generator=generator) + 0.5
            graph[f"net.layers.{name}.{part}"] = state[f"{own}.bn.{buffer}"] = drawn
    found = load_inception(str(converted(graph, tmp_path)))
    network = build_network(fid=True)
    network.load_state_dict(state, strict=False)
    film = torch.rand(1, 3, 299, 299, generator=generator)
    with torch.inference_mode():
        torch.testing.assert_close(found.network(film), network(film), rtol=0, atol=0)


def test_both_names_of_layers_count_in_the_order_of_the_network() -> None:
    layers = [name for name, module in build_network(fid=True).named_modules() if isinstance(module, BasicConv2d)]
    assert list(LAYERS.values()) == layers
    numbers: dict[str, list[int]] = {}
    for name in LAYERS:
        stem, _, number = name.rpartition("conv")
        numbers.setdefault(stem, []).append(int(number.removeprefix("_") or 0))
    assert all(found == list(range(len(found))) for found in numbers.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"fc.bias": torch.zeros(10)}, "CHECKPOINT: .* has 10 classes", id="classes"),
        pytest.param({"Conv2d_1a_3x3.conv.weight": torch.zeros(3)}, r"found Conv2d_1a_3x3\.conv\.weight", id="shape"),
        pytest.param(
            {"Mixed_7c.branch1x1.bn.bias": torch.full((320,), float("nan"))},
            r"NaN or infinite values in Mixed_7c\.branch1x1",
            id="values",
        ),
    ],
)
def test_another_networks_checkpoint_is_refused_and_nothing_is_written(
    tmp_path: Path, change: dict[str, torch.Tensor], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        converted(weights(1, fid=True) | change, tmp_path)
    assert not (tmp_path / "inception.safetensors").exists()


def test_places_that_cannot_be_read_or_written_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="found no file"):
        run(ConvertInceptionConfiguration(checkpoint=tmp_path / "none.pth"))
    torch.save(weights(1, fid=True), tmp_path / "checkpoint.pth")
    (tmp_path / "file").write_text("")
    configuration = ConvertInceptionConfiguration(
        checkpoint=tmp_path / "checkpoint.pth", output=tmp_path / "file" / "out.safetensors"
    )
    with pytest.raises(ConfigurationError, match="--output: cannot write"):
        run(configuration)
