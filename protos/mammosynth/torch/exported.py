"""A map-style data set over what `mammosynth export folder` or `mammosynth export parquet` wrote."""

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from mammosynth.torch.readers import Row, open_export

_SYNTHETIC = "synthetic"


class ExportedFilms(Dataset[tuple[Any, int]]):
    """Real and accepted synthetic films of an export; works with any number of `DataLoader` workers.

    An item is (film, label): film a tensor (1, rows, columns) float32 in [0, 1], or what `transform` makes of it; label
    0 benign, 1 malignant. `rows[i]` tells all that the export says of item i.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        synthetic_per_real: float | None = None,
        patients: Collection[str] | None = None,
        seed: int = 0,
        transform: Callable[[torch.Tensor], Any] | None = None,
    ) -> None:
        """Open an export.

        Args:
            path: its folder.
            synthetic_per_real: synthetic films for each real one, after `patients` has been applied: 0 takes none, 0.5
                one for two; None takes all. Which ones follows from `seed`, and a smaller ratio takes a part of those
                that a larger one takes.
            patients: whose films are taken, so that a split of yours stays clean: a synthetic film is taken only if the
                patients of its content and of its style are both among them. None takes all.
            seed: of the choice of synthetic films.
            transform: called on each film.

        Raises:
            ValueError: if the folder holds no complete export, or fewer synthetic films than the ratio needs.

        """
        self._reader = open_export(Path(path))
        rows = self._reader.rows
        if patients is not None:
            among = frozenset(patients)
            rows = [row for row in rows if _patients(row) <= among]
        self.rows: list[Row] = rows if synthetic_per_real is None else _mix(rows, synthetic_per_real, seed)
        """What the export says of each film, in the order of the items; keys are the columns of its table."""
        self._transform = transform

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        row = self.rows[index]
        film = torch.from_numpy(self._reader.film(row)).unsqueeze(0)
        return (film if self._transform is None else self._transform(film)), int(row["label"])

    @property
    def labels(self) -> list[int]:
        """Label of each item, as a sampler wants them."""
        return [int(row["label"]) for row in self.rows]

    @property
    def patients(self) -> set[str]:
        """All patients that the items come from."""
        return set().union(*(_patients(row) for row in self.rows))


def _patients(row: Row) -> set[str]:
    return {row["content_patient_id"], row["style_patient_id"]} - {"", None}


def _mix(rows: list[Row], ratio: float, seed: int) -> list[Row]:
    if not ratio >= 0:
        raise ValueError(f"synthetic_per_real: found {ratio}, needed 0 or more")
    synthetic = [row for row in rows if row["kind"] == _SYNTHETIC]
    wanted = round(ratio * (len(rows) - len(synthetic)))
    if wanted > len(synthetic):
        raise ValueError(
            f"synthetic_per_real: found {len(synthetic)} synthetic films, needed {wanted} "
            f"for {len(rows) - len(synthetic)} real ones at {ratio}; None takes all"
        )
    chosen = {row["image_id"] for row in sorted(synthetic, key=lambda row: _draw(row, seed))[:wanted]}
    return [row for row in rows if row["kind"] != _SYNTHETIC or row["image_id"] in chosen]


def _draw(row: Row, seed: int) -> str:
    """A hash and no generator, so that the choice is the same with every version of every library."""
    return hashlib.sha256(f"{seed}\0{row['image_id']}".encode()).hexdigest()
