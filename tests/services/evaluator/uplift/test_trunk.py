"""Networks without their heads, and the features that are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from services.evaluator.configuration import UpliftNetwork
from services.evaluator.uplift.features import FeatureStore
from services.evaluator.uplift.films import Table
from services.evaluator.uplift.trunk import Trunk, family
from shared.errors import ModelError
from shared.progress import progress
from shared.store import Store
from tests.services.evaluator.uplift.phantoms import SIZE, phantom


@pytest.fixture(scope="module")
def trunk() -> Trunk:
    torch.manual_seed(0)
    return Trunk(UpliftNetwork.SQUEEZENET1_1, "random", stride=8, enlarge=None).eval()


def test_features_are_means_and_deviations_inside_the_breast(trunk: Trunk) -> None:
    generator = torch.Generator().manual_seed(1)
    films = torch.rand(2, 1, 64, 64, generator=generator)
    masks = torch.zeros(2, 1, 64, 64)
    masks[:, :, :, :32] = 1.0
    normal = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.inference_mode():
        found = trunk(films, masks)
        maps = trunk.blocks(normal(films.expand(-1, 3, -1, -1)))
        places = torch.nn.functional.adaptive_avg_pool2d(masks, maps.shape[2:])[0, 0]
    for film in range(2):
        for channel in (0, 17):
            values, weights = maps[film, channel].numpy().ravel(), places.numpy().ravel()
            mean = np.average(values, weights=weights)
            deviation = np.sqrt(np.average((values - mean) ** 2, weights=weights) + 1e-6)
            assert found[film, channel].item() == pytest.approx(mean, abs=1e-5)
            assert found[film, channel + maps.shape[1]].item() == pytest.approx(deviation, abs=1e-5)


@pytest.mark.parametrize(("stride", "channels"), [(4, 128), (8, 256), (16, 512)])
def test_a_trunk_ends_where_its_map_would_become_coarser(stride: int, channels: int) -> None:
    assert Trunk(UpliftNetwork.SQUEEZENET1_1, "random", stride=stride, enlarge=None).features == 2 * channels


def test_weights_of_a_file_are_those_of_the_network_and_others_are_refused(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = torchvision.models.squeezenet1_1(weights=None)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    path = str(tmp_path / "weights.safetensors")
    found = Trunk(UpliftNetwork.SQUEEZENET1_1, path, stride=None, enlarge=None)
    assert torch.equal(next(found.blocks.parameters()), network.features[0].weight)
    assert found.identity.startswith("sha256:")
    with pytest.raises(ModelError, match="as in efficientnet_b0"):
        Trunk(UpliftNetwork.EFFICIENTNET_B0, path, stride=None, enlarge=None)
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(ModelError, match="no safetensors file"):
        Trunk(UpliftNetwork.SQUEEZENET1_1, str(tmp_path / "text.safetensors"), stride=None, enlarge=None)


def test_kept_features_are_read_and_belong_to_their_films_and_version(
    trunk: Trunk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table()
    for seed in range(3):
        table.add(*phantom(seed, malignant=False), f"patient-{seed}")
    assert table.pixels[0].shape == (SIZE, SIZE)
    store = FeatureStore(Store(str(tmp_path)), trunk, {"weights": "some"}, torch.device("cpu"))

    def compute(kept: FeatureStore, version: int = 0) -> np.ndarray:
        with progress("features", total=3) as reporter:
            return kept.compute(table, np.arange(3), version=version, reporter=reporter)

    plain, augmented = compute(store), compute(store, 1)
    assert not np.allclose(plain, augmented)
    monkeypatch.setattr(trunk, "forward", None)
    assert np.array_equal(compute(store), plain)
    assert np.array_equal(compute(store, 1), augmented)
    with pytest.raises(TypeError):
        compute(FeatureStore(Store(str(tmp_path)), trunk, {"weights": "others"}, torch.device("cpu")))


@pytest.mark.parametrize(
    ("name", "kind"), [("resnet50", "resnet"), ("densenet121", "densenet"), ("inception_v3", "inception")]
)
def test_networks_of_one_kind_have_one_name(name: str, kind: str) -> None:
    assert family(name) == kind
