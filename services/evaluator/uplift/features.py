"""Features of films by a frozen trunk, computed once and kept beside the run."""

import hashlib
import io
import json
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from services.evaluator.uplift.films import Table
from services.evaluator.uplift.trunk import Trunk
from shared.augmentation import Augmentation
from shared.images import from_uint16
from shared.log import get_logger
from shared.progress import ProgressReporter
from shared.store import Store

Features = NDArray[np.float32]

CHUNK = 32
"""Films that are computed, and kept, together; a kill loses one chunk."""
_FOLDER = "uplift/features"


def film_tensors(table: Table, indices: Sequence[int] | NDArray[np.intp]) -> tuple[torch.Tensor, torch.Tensor]:
    """Films in [0, 1] and masks in {0, 1} of a table, both float32 (B, 1, S, S)."""
    films = np.stack([from_uint16(table.pixels[index]) for index in indices])
    masks = np.stack([table.masks[index] for index in indices]).astype(np.float32)
    return torch.from_numpy(films)[:, None], torch.from_numpy(masks)[:, None]


class FeatureStore:
    """Features by what they are of; any uplift of the run reads them again."""

    def __init__(self, store: Store, trunk: Trunk, identity: dict[str, object], device: torch.device) -> None:
        """Keep features of `trunk` in a run; `identity` names all that they depend on beside the films."""
        self._store = store
        self._trunk = trunk.to(device).eval()
        self._identity = {**identity, "features": trunk.features, "torch": torch.__version__, "device": device.type}
        self._device = device

    def compute(self, table: Table, indices: NDArray[np.intp], *, version: int, reporter: ProgressReporter) -> Features:
        """Features (n, features) of films; version 0 is the film, each other one is augmented in its own way."""
        found = np.empty((len(indices), self._trunk.features), dtype=np.float32)
        for first in range(0, len(indices), CHUNK):
            part = indices[first : first + CHUNK]
            found[first : first + CHUNK] = self._chunk(table, part, version)
            reporter.advance(len(part))
        return found

    def _chunk(self, table: Table, part: NDArray[np.intp], version: int) -> Features:
        shape = (len(part), self._trunk.features)
        of = {**self._identity, "version": version, "films": [table.sha256[index] for index in part]}
        key = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()
        name = f"{_FOLDER}/{key[:32]}.npy"
        kept = self._read(name)
        if kept is not None and kept.shape == shape and kept.dtype == np.float32:
            return kept
        films, masks = film_tensors(table, part)
        if version:
            # What happens to a film follows from its pixels, so that it is the same in any table.
            names = np.array([int(table.sha256[index][:12], 16) for index in part])
            films, masks = Augmentation().apply(films, masks, indices=names, epoch=version, seed=0)
        with torch.inference_mode():
            computed: Features = self._trunk(films.to(self._device), masks.to(self._device)).cpu().numpy()
        buffer = io.BytesIO()
        np.save(buffer, computed, allow_pickle=False)
        self._store.write(name, buffer.getvalue())
        return computed

    def _read(self, name: str) -> Features | None:
        try:
            kept: Features = np.load(io.BytesIO(self._store.read(name)), allow_pickle=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as error:
            get_logger("uplift").warning("features are computed again: the file is broken", file=name, error=str(error))
            return None
        return kept
