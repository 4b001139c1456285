"""Reading checkpoints: tensors alone, and nothing runs."""

import os
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from services.evaluator.distances.checkpoint import read_tensors
from shared.errors import ModelError, WeightsNotFoundError


class Layer(nn.Module):
    """Two tensors, a flag, a number and a list, as layers have them."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(3, 2, generator=generator), requires_grad=False)
        self.register_buffer("mean", torch.randn(3, generator=generator))
        self.flag = True
        self.scale = 0.5
        self.stride = [1, 2]

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        return film * self.scale * self.stride[1]


def write_script(path: Path) -> Any:
    """Write a TorchScript archive of two nested layers; returns the module."""
    module = nn.Sequential(OrderedDict(first=Layer(1), inner=nn.Sequential(OrderedDict(second=Layer(2)))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript old; FID's weights are handed round in it
        scripted = torch.jit.script(module)
        torch.jit.save(scripted, path)
    return module


def test_an_archive_of_torchscript_gives_the_tensors_that_torch_reads_from_it(tmp_path: Path) -> None:
    module = write_script(tmp_path / "script.pt")
    found = read_tensors(tmp_path / "script.pt")
    expected = module.state_dict()
    assert list(found) == ["first.weight", "first.mean", "inner.second.weight", "inner.second.mean"]
    assert set(found) == set(expected)
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=0)


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "before torch 1.6"])
def test_a_state_dict_gives_its_tensors(tmp_path: Path, new_format: bool) -> None:
    state = Layer(3).state_dict()
    torch.save(state, tmp_path / "state.pth", _use_new_zipfile_serialization=new_format)
    found = read_tensors(tmp_path / "state.pth")
    assert list(found) == ["weight", "mean"]
    assert all(torch.equal(found[name], state[name]) for name in found)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (self.folder,)


def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1), "trap": Trap(str(tmp_path / "sprung"))}, tmp_path / "trap.pth")
    with pytest.raises(ModelError, match=r"is no PyTorch file of tensors alone: .*mkdir"):
        read_tensors(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


def test_code_that_hides_in_an_archive_of_torchscript_is_refused_and_does_not_run(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1), "trap": Trap(str(tmp_path / "sprung"))}, tmp_path / "trap.pth")
    with zipfile.ZipFile(tmp_path / "trap.pth", "a") as archive:
        archive.writestr(f"{archive.namelist()[0].partition('/')[0]}/constants.pkl", b"")
    with pytest.raises(ModelError, match=r"is no PyTorch file of tensors alone: it names \w+\.mkdir"):
        read_tensors(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"no checkpoint", "is no PyTorch file of tensors alone", id="text"),
        pytest.param(b"", "is no PyTorch file of tensors alone", id="empty"),
        pytest.param(b"PK\x05\x06" + bytes(18), "is no PyTorch file of tensors alone", id="empty zip"),
    ],
)
def test_what_is_no_checkpoint_is_refused_without_advice_to_trust_it(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        read_tensors(tmp_path / "file.pth")
    assert "weights_only" not in caught.value.message


def test_a_cut_off_checkpoint_is_refused(tmp_path: Path) -> None:
    write_script(tmp_path / "script.pt")
    data = (tmp_path / "script.pt").read_bytes()
    (tmp_path / "script.pt").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="is no PyTorch file of tensors alone"):
        read_tensors(tmp_path / "script.pt")


def test_tensors_without_names_are_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="found no tensors by name"):
        read_tensors(tmp_path / "list.pth")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"found no file .*none\.pth"):
        read_tensors(tmp_path / "none.pth")
