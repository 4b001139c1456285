import hashlib
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision.models
from safetensors.torch import load_file, save_file

from services.stylizer import weights as module
from services.stylizer.weights import SHIPPED_FILE, TrunkName, resolve_weights
from shared.errors import ModelError, WeightsNotFoundError


def test_the_shipped_file_is_the_default_and_its_hash_is_known() -> None:
    found = resolve_weights()
    assert found.name == "vgg16-imagenet-conv_1-to-conv_5"
    assert found.sha256 == hashlib.sha256(SHIPPED_FILE.read_bytes()).hexdigest()
    assert [kernel.shape[0] for kernel in found.kernels] == [64, 64, 128, 128, 256]
    assert torch.equal(found.kernels[4], load_file(SHIPPED_FILE)["features.10.weight"])


def test_a_path_that_is_given_comes_first(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({key: 2 * tensor for key, tensor in load_file(SHIPPED_FILE).items()}, other)
    found = resolve_weights(path=other, trunk=TrunkName.VGG19)
    assert found.name == "other"
    assert found.sha256 == hashlib.sha256(other.read_bytes()).hexdigest()
    assert torch.equal(found.biases[0], 2 * resolve_weights().biases[0])


def assert_says_the_three_ways(message: str) -> None:
    for way in ("safetensors file", "weights path", SHIPPED_FILE.name, "vgg19"):
        assert way in message


@pytest.mark.parametrize("given", [True, False], ids=["the path given", "the shipped file"])
def test_a_missing_file_is_an_error_that_says_the_three_ways(
    given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "missing.safetensors"
    monkeypatch.setattr(module, "SHIPPED_FILE", tmp_path / SHIPPED_FILE.name)
    with pytest.raises(WeightsNotFoundError) as caught:
        resolve_weights(path=missing if given else None)
    assert_says_the_three_ways(caught.value.message)


def test_a_download_that_fails_is_an_error_that_says_the_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torchvision.models.VGG19_Weights, "get_state_dict", fail)
    with pytest.raises(WeightsNotFoundError, match="no network") as caught:
        resolve_weights(trunk=TrunkName.VGG19)
    assert_says_the_three_ways(caught.value.message)


def test_the_downloaded_trunk_has_the_hash_of_the_file_it_would_be_saved_as(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = torchvision.models.vgg19(weights=None).state_dict()
    monkeypatch.setattr(torchvision.models.VGG19_Weights, "get_state_dict", lambda *_, **__: state)
    found = resolve_weights(trunk=TrunkName.VGG19)
    assert found.name == "vgg19-imagenet-conv_1-to-conv_5"
    kept = {key: state[key] for key in load_file(SHIPPED_FILE)}
    save_file(kept, tmp_path / "vgg19.safetensors")
    assert found.sha256 == resolve_weights(path=tmp_path / "vgg19.safetensors").sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"features.5.bias": None}, "found no tensor features.5.bias", id="missing"),
        pytest.param({"features.0.weight": torch.zeros(64, 1, 3, 3)}, r"\(64, 1, 3, 3\).*needed \(64, 3", id="shape"),
        pytest.param({"features.2.bias": torch.zeros(64).half()}, "float16", id="type"),
        pytest.param({"features.2.bias": torch.full((64,), torch.nan)}, "NaN", id="NaN"),
    ],
)
def test_a_file_with_other_tensors_is_refused(
    change: dict[str, torch.Tensor | None], message: str, tmp_path: Path
) -> None:
    tensors = load_file(SHIPPED_FILE) | change
    save_file({key: tensor for key, tensor in tensors.items() if tensor is not None}, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=message):
        resolve_weights(path=tmp_path / "w.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x80\x04no safetensors at all, perhaps a pickle"], ids=["empty", "other"])
def test_a_file_of_another_format_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="found no safetensors file"):
        resolve_weights(path=tmp_path / "w.safetensors")
