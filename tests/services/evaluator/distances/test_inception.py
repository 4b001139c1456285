from pathlib import Path

import numpy as np
import pytest
import pytorch_fid.inception
import safetensors.torch
import torch
from torchvision.models import Inception3

from services.evaluator.distances.inception import InceptionFeatures, build_network, load_inception
from shared.errors import ModelError, WeightsNotFoundError
from tests.services.evaluator.run_writer import breast


def weights(seed: int, *, fid: bool) -> dict[str, torch.Tensor]:
    """Random weights that keep features of a usual size."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, tensor in build_network(fid=fid).state_dict().items():
        if name.endswith("conv.weight"):
            found[name] = torch.randn(tensor.shape, generator=generator) * (2 / tensor[0].numel()) ** 0.5
        else:
            found[name] = tensor.clone()
    return found | {"fc.bias": torch.zeros(1008 if fid else 1000)}


@pytest.fixture(scope="module")
def fid_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "fid.safetensors"
    safetensors.torch.save_file(weights(1, fid=True), path)
    return path


def test_the_network_of_fid_equals_pytorch_fids(fid_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = safetensors.torch.load_file(fid_file) | {"fc.weight": torch.zeros(1008, 2048)}
    monkeypatch.setattr(pytorch_fid.inception, "load_state_dict_from_url", lambda *_, **__: state)
    reference = pytorch_fid.inception.InceptionV3(resize_input=False, normalize_input=False).eval()
    features = load_inception(str(fid_file))
    film = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.inference_mode():
        expected = reference(film)[0].flatten()
        found = features.network(film).flatten()
    assert features.name == "FID Inception"
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_torchvisions_network_is_told_from_fids_by_its_classes(tmp_path: Path) -> None:
    path = tmp_path / "imagenet.safetensors"
    state = weights(1, fid=False)
    safetensors.torch.save_file(state, path)
    features = load_inception(str(path))
    reference = Inception3(aux_logits=False, init_weights=False).eval()
    reference.fc = torch.nn.Identity()
    reference.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("fc.")})
    film = breast(1, 32)[0]
    found = features([film, film])
    assert features.name == "torchvision Inception"
    assert found.shape == (2, 2048)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.isfinite(found).all()
    assert found.std() > 0


def test_a_film_is_measured_as_three_equal_channels_from_minus_1_to_1() -> None:
    seen: list[torch.Tensor] = []

    class Watching(torch.nn.Module):
        def forward(self, film: torch.Tensor) -> torch.Tensor:
            seen.append(film)
            return film.mean(dim=(2, 3))

    ramp = np.tile(np.linspace(0.0, 1.0, 299, dtype=np.float32), (299, 1))
    InceptionFeatures(Watching(), "", "")([ramp])
    assert seen[0].shape == (1, 3, 299, 299)
    assert (float(seen[0].min()), float(seen[0].max())) == (-1.0, 1.0)
    torch.testing.assert_close(seen[0][0, 0], seen[0][0, 2])


def test_weights_that_are_not_there_are_told_with_the_ways_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"found no file .* give a safetensors file"):
        load_inception(str(tmp_path / "none.safetensors"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"fc.bias": torch.zeros(10)}, "has 10 classes", id="classes"),
        pytest.param({"Mixed_7c.branch1x1.conv.weight": torch.zeros(3)}, r"found Mixed_7c\.branch1x1", id="shape"),
    ],
)
def test_weights_of_another_network_are_refused(
    fid_file: Path, tmp_path: Path, change: dict[str, torch.Tensor], message: str
) -> None:
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file(safetensors.torch.load_file(fid_file) | change, path)
    with pytest.raises(ModelError, match=message):
        load_inception(str(path))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"fc.bias": torch.zeros(1008)}, path)
    with pytest.raises(ModelError, match="is no safetensors file"):
        load_inception(str(path))
