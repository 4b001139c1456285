"""Reads the tensors of a PyTorch checkpoint, a state dict or a TorchScript archive, and runs nothing that is in it.

`torch.load(weights_only=True)` builds tensors and plain containers alone. It refuses TorchScript archives, whose
classes it does not know; so an archive is copied without its code, and one empty class stands for all of them.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shared.errors import ModelError, WeightsNotFoundError

_LARGEST = 2_000_000_000


class _Module:
    """Stands for any class of a TorchScript archive: it holds what was put down, and does nothing."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.parts = dict(state)


def _listed(values: list[Any]) -> list[Any]:
    """Stands for TorchScript's builders of typed lists."""
    return values


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a checkpoint by its name.

    Raises:
        WeightsNotFoundError: if there is no file.
        ModelError: if it is no checkpoint, or holds other things than tensors.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsNotFoundError(
            f"found no file {path} ({error.strerror}), needed a checkpoint of PyTorch"
        ) from error
    try:
        found = _load_script(data) if _is_script(data) else torch.load(io.BytesIO(data), "cpu", weights_only=True)
    except Exception as error:  # torch has no class of its own for what it refuses
        raise ModelError(f"{path}: is no PyTorch file of tensors alone: {_reason(error)}") from error
    tensors = _flatten(found)
    if not tensors:
        raise ModelError(f"{path}: found no tensors by name, needed a state dict or a TorchScript archive")
    return tensors


def _reason(error: Exception) -> str:
    """What torch found, without its advice to read the file all the same."""
    lines = [line.strip().removesuffix(".") for line in str(error).splitlines()]
    told = (line for line in lines if line and "weights_only" not in line)
    return next(told, "it holds something else").removeprefix("WeightsUnpickler error: ")


def _is_script(data: bytes) -> bool:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _load_script(data: bytes) -> Any:
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as tensors:
        entries = [entry for entry in archive.infolist() if not _is_code(entry.filename)]
        if sum(entry.file_size for entry in entries) > _LARGEST:
            raise ValueError(f"it unpacks to more than {_LARGEST // 1_000_000} MB")
        for entry in entries:
            tensors.writestr(entry.filename, archive.read(entry))
    copy.seek(0)
    unknown = torch.serialization.get_unsafe_globals_in_checkpoint(copy)
    foreign = [name for name in unknown if not name.startswith(("__torch__.", "torch.jit._pickle.build_"))]
    if foreign:
        raise ValueError(f"it names {foreign[0]}")
    stand_ins: list[Any] = [(_Module if name.startswith("__torch__.") else _listed, name) for name in unknown]
    copy.seek(0)
    with torch.serialization.safe_globals(stand_ins):
        return torch.load(copy, "cpu", weights_only=True)


def _is_code(name: str) -> bool:
    _, _, inner = name.partition("/")
    return inner == "constants.pkl" or inner.startswith(("code/", "constants/"))


def _flatten(found: Any, prefix: str = "") -> dict[str, Tensor]:
    """Tensors of nested modules and dictionaries, by their dotted names."""
    parts = found.parts if isinstance(found, _Module) else found
    if not isinstance(parts, dict):
        return {}
    tensors: dict[str, Tensor] = {}
    for name, part in parts.items():
        if isinstance(part, Tensor):
            tensors[f"{prefix}{name}"] = part
        else:
            tensors |= _flatten(part, f"{prefix}{name}.")
    return tensors
