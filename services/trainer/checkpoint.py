"""What an interrupted training leaves behind, so that the same command goes on from its last whole epoch.

A folder `<kind>.training` beside the model file: `training.json` says which training it belongs to, and each fit has
one safetensors file, replaced in one piece after every epoch. It goes when the model has been written.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from shared.errors import RefusedRunError
from shared.files import write_atomically
from shared.log import get_logger

_WAYS_OUT = "needed is the same training, another --output, or --restart, which throws away what was done"
_IDENTITY = "training.json"

log = get_logger("trainer")


@dataclass(frozen=True)
class Checkpoint:
    """One fit after a whole epoch."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]
    """What is no tensor: plain JSON."""


class TrainingFolder:
    """The checkpoints of one training."""

    def __init__(self, folder: Path, identity: Mapping[str, Any], *, restart: bool = False) -> None:
        """Look whether `folder` holds this training, none, or another one.

        Args:
            folder: where checkpoints lie; made when the first is written.
            identity: data set and options, plain JSON: what must be equal for a training to be the same.
            restart: throw away whatever lies there.

        Raises:
            RefusedRunError: naming what differs, when another training was interrupted here.

        """
        self.folder = folder
        self._identity: dict[str, Any] = json.loads(json.dumps(identity))
        if restart:
            self.clear()
        found = self._read_identity()
        if found is not None and found != self._identity:
            raise RefusedRunError(
                f"{folder}: another training was interrupted here: {_difference(found, self._identity)}: {_WAYS_OUT}"
            )

    def file(self, name: str) -> "CheckpointFile":
        """Return the place of the fit called `name`."""
        return CheckpointFile(self, name)

    def write(self, name: str, data: bytes) -> None:
        """Write one fit's checkpoint; before the first, what training this is."""
        if not (self.folder / _IDENTITY).exists():
            write_atomically(self.folder / _IDENTITY, _json(self._identity))
        write_atomically(self.folder / name, data)

    @property
    def fingerprint(self) -> str:
        """Hash of the identity; each checkpoint carries it."""
        return hashlib.sha256(_json(self._identity)).hexdigest()

    def clear(self) -> None:
        """Remove the checkpoints, also those that a kill left half-written, and the folder if nothing else is in it."""
        if not self.folder.is_dir():
            return
        for pattern in ("*.safetensors", ".*.part", _IDENTITY):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _read_identity(self) -> dict[str, Any] | None:
        try:
            identity = json.loads((self.folder / _IDENTITY).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RefusedRunError(f"{self.folder / _IDENTITY}: cannot be read: {error}: {_WAYS_OUT}") from error
        if not isinstance(identity, dict):
            raise RefusedRunError(f"{self.folder / _IDENTITY}: says of no training what it is: {_WAYS_OUT}")
        return identity


class CheckpointFile:
    """The checkpoint of one fit."""

    def __init__(self, training: TrainingFolder, name: str) -> None:
        self._training = training
        self._name = f"{name}.safetensors"
        self.path = training.folder / self._name

    def read(self) -> Checkpoint | None:
        """Return the last whole epoch, None when there is none.

        Raises:
            RefusedRunError: if the file is broken or belongs to another training.

        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                texts = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  no mapping
            state = json.loads(texts["state"])
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise RefusedRunError(f"{self.path}: is no whole checkpoint: {error}: {_WAYS_OUT}") from error
        if texts.get("fingerprint") != self._training.fingerprint:
            raise RefusedRunError(f"{self.path}: belongs to another training: {_WAYS_OUT}")
        here = numerics()
        if state.get("numerics") != here:
            log.warning("resumed elsewhere: weights may differ in the last bits", was=state.get("numerics"), here=here)
        return Checkpoint(tensors, state)

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the file in one piece."""
        state = json.dumps(checkpoint.state | {"numerics": numerics()})
        metadata = {"fingerprint": self._training.fingerprint, "state": state}
        tensors = {key: value.detach().cpu().contiguous() for key, value in checkpoint.tensors.items()}
        self._training.write(self._name, safetensors.torch.save(tensors, metadata=metadata))


def numerics() -> dict[str, Any]:
    """What the bits of a training depend on beside its identity."""
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def _json(identity: Mapping[str, Any]) -> bytes:
    return (json.dumps(identity, indent=2, sort_keys=True) + "\n").encode()


def _difference(found: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = "") -> str:
    """The first thing that differs, with both values."""
    for key in sorted(found.keys() | asked.keys()):
        one, other = found.get(key), asked.get(key)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            return _difference(one, other, f"{prefix}{key}.")
        return f"{prefix}{key} was {one!r}, asked for is {other!r}"
    return "nothing that can be named"
