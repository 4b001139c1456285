"""Films of a prepared data set in memory, and the tensors that a network takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.trainer.configuration import TrainedOn, TrainingConfiguration
from shared.dataset import Dataset, Film, Label, LesionCrops, Split
from shared.dataset.crops import DEFAULT_SIZE
from shared.errors import ConfigurationError, DatasetError
from shared.images import from_uint16, resize_film, resize_mask, to_uint16
from shared.log import get_logger
from shared.progress import progress


@dataclass(frozen=True)
class FilmSet:
    """Some films of one data set, all of one square size S.

    `pixels` uint16 (n, S, S), the film's 16 bits, half the memory of float32; `masks` bool (n, S, S), the breast;
    `films` say what each is. Raises ValueError when the three do not fit together.
    """

    films: tuple[Film, ...]
    pixels: NDArray[np.uint16]
    masks: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check that there is one square array and one mask of the same size for each film."""
        if self.pixels.shape != self.masks.shape or self.pixels.shape[0] != len(self.films):
            raise ValueError(f"{len(self.films)} films, pixels {self.pixels.shape}, masks {self.masks.shape}")

    def __len__(self) -> int:
        """How many films there are."""
        return len(self.films)

    @property
    def size(self) -> int:
        """Rows, and columns, of each film."""
        return int(self.pixels.shape[1])

    @cached_property
    def malignant(self) -> NDArray[np.bool_]:
        """Labels, bool (n,): True for malignant."""
        return np.array([film.label == Label.MALIGNANT for film in self.films], dtype=np.bool_)

    @cached_property
    def patients(self) -> NDArray[np.str_]:
        """Patient of each film, (n,)."""
        return np.array([film.patient_id for film in self.films], dtype=np.str_)

    @cached_property
    def sources(self) -> NDArray[np.str_]:
        """Source of each film, (n,)."""
        return np.array([film.source for film in self.films], dtype=np.str_)

    def film(self, index: int) -> NDArray[np.float32]:
        """Pixels of one film, float32 (S, S) in [0, 1]."""
        return from_uint16(self.pixels[index])

    def batch(self, indices: Sequence[int] | NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Films in [0, 1] and masks in {0, 1} as a network takes them, both float32 (B, 1, S, S)."""
        films = torch.from_numpy(from_uint16(self.pixels[indices]))
        masks = torch.from_numpy(self.masks[indices].astype(np.float32))
        return films[:, None], masks[:, None]

    def take(self, indices: Sequence[int] | NDArray[np.intp]) -> "FilmSet":
        """The films at `indices`, in that order."""
        return FilmSet(tuple(self.films[i] for i in indices), self.pixels[indices], self.masks[indices])


def open_dataset(configuration: TrainingConfiguration) -> Dataset:
    """Open what a gate learns from: the data set's films, or the crops around its lesions.

    Raises DatasetError when it is none, or has no lesion that can be used.
    """
    dataset = Dataset.open(configuration.dataset)
    if configuration.on is TrainedOn.FILMS:
        return dataset
    crops = LesionCrops.of(dataset, size=configuration.size or DEFAULT_SIZE)
    left_out = {str(reason): count for reason, count in sorted(crops.left_out.items())}
    get_logger("trainer").info("lesions in use", crops=len(crops.films), left_out=left_out)
    return crops


def load_films(dataset: Dataset, *, splits: Sequence[Split], size: int | None = None) -> FilmSet:
    """Read all films of some splits, sorted by image id, brought to `size` (the data set's own when None).

    Raises ConfigurationError when `size` is larger than the data set's films, DatasetError when a split is empty.
    """
    side = dataset.size if size is None else size
    if not 1 <= side <= dataset.size:
        raise ConfigurationError(
            f"size: {side} asked for, the data set's films have {dataset.size}: needed is at most that"
        )
    chosen = sorted((film for split in splits for film in dataset.select(split=split)), key=lambda film: film.image_id)
    names = " and ".join(split.value for split in splits)
    for split in splits:
        if not dataset.select(split=split):
            raise DatasetError(f"{dataset.path}: found no {split.value} films, needed at least one")
    pixels = np.empty((len(chosen), side, side), dtype=np.uint16)
    masks = np.empty((len(chosen), side, side), dtype=np.bool_)
    with progress(f"reading {names} films", total=len(chosen)) as reporter:
        for index, film in enumerate(chosen):
            pixels[index] = to_uint16(resize_film(dataset.pixels(film.image_id), side, side))
            masks[index] = resize_mask(dataset.mask(film.image_id), side, side)
            reporter.advance()
    return FilmSet(tuple(chosen), pixels, masks)


def require_both_classes(films: FilmSet, *, split: str) -> None:
    """Raise DatasetError unless there are benign and malignant films."""
    malignant = int(films.malignant.sum())
    benign = len(films) - malignant
    if 0 in (malignant, benign):
        raise DatasetError(
            f"the {split} films hold {benign} benign and {malignant} malignant ones: needed is at least one of each"
        )


def require_separate_patients(one: FilmSet, other: FilmSet) -> None:
    """Raise DatasetError when a patient has films in both sets: every figure would flatter."""
    common = sorted(set(one.patients.tolist()) & set(other.patients.tolist()))
    if common:
        raise DatasetError(
            f"patient {common[0]} ({len(common)} in all) has training and validation films: needed is one split"
        )
