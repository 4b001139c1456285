"""A data set seen as crops around its lesions: each is a small square film, and whatever reads films can read them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from shared.crops import Box, Window, cut, region_box, region_mask, window_around
from shared.dataset.reader import Dataset
from shared.dataset.schema import Film, Label, Lesion, Split
from shared.draws import draw
from shared.errors import DatasetError, NotFoundError
from shared.images import Film as Pixels
from shared.images import Mask
from shared.progress import progress

DEFAULT_SIZE = 224
SMALLEST_SIZE = 32
_PLACES = 8
"""Places where a lesion-free window may lie, along one side of it."""
_FREE = "free"


class LeftOut(StrEnum):
    """Why a lesion has no crop."""

    UNKNOWN = "its pathology is not known"
    SMALL_FILM = "its window is larger than the film"
    EDGE = "its window reaches over the edge of the breast"


@dataclass(frozen=True)
class Crop:
    """A window of a film at its own resolution."""

    film: Film
    """The whole film."""
    window: Window
    box: Box
    """The lesion in it, or for a lesion-free place what it is compared with: x, y, width, height in the film's own
    pixels."""
    lesion: int | None
    """Place of the lesion among the film's, from 0; None where there is none."""


class LesionCrops(Dataset):
    """The lesions of a data set, one film each.

    Its films are named `<film>.<lesion>`, have the lesion's class for a label, and all else of the whole film; what is
    read of them are the pixels of the crop, and as mask the region: the lesion and its rim. Lesions are in use whose
    window lies inside the breast, whole. Each of their films has a lesion-free place too, named `<film>.free`: a window
    of the same size, drawn by hash.
    """

    def __init__(self, whole: Dataset, crops: dict[str, Crop], *, size: int, left_out: Counter[LeftOut]) -> None:
        self.whole = whole
        self.left_out = left_out
        """Lesions without a crop, by reason."""
        self._crops = crops
        entries = {image_id: _entry(image_id, crop) for image_id, crop in crops.items()}
        lesions = tuple(film for image_id, film in entries.items() if crops[image_id].lesion is not None)
        self.free = tuple(film for image_id, film in entries.items() if crops[image_id].lesion is None)
        """Lesion-free places; they count as benign."""
        super().__init__(whole.path, {**whole.info, "size": size}, lesions)
        self._by_id = entries

    @classmethod
    def of(
        cls, whole: Dataset, *, size: int = DEFAULT_SIZE, splits: Sequence[Split] = tuple(Split), seed: int = 0
    ) -> "LesionCrops":
        """Find the crops of a data set that was prepared with originals.

        Args:
            whole: the data set.
            size: rows and columns of a crop; a window has so many pixels of the film's own, or more around a large
                lesion, and is brought to this size then.
            splits: those whose films are looked at.
            seed: of the lesion-free places.

        Raises:
            DatasetError: if no lesion can be used, or the films' originals were not kept.

        """
        if size < SMALLEST_SIZE:
            raise DatasetError(f"crops: found {size} pixels a side, needed {SMALLEST_SIZE} or more")
        crops: dict[str, Crop] = {}
        left_out: Counter[LeftOut] = Counter()
        films = [film for film in whole.films if film.lesions and film.split in splits]
        with progress("looking for lesions", total=len(films)) as reporter:
            for film in films:
                mask = whole.original_mask(film.image_id)
                found = _lesions_of(film, mask, whole.size, size, left_out)
                for crop in found:
                    crops[f"{film.image_id}.{crop.lesion}"] = crop
                free = _free_place(found, mask, whole.size, seed) if found else None
                if free is not None:
                    crops[f"{film.image_id}.{_FREE}"] = free
                reporter.advance()
        if not crops:
            reasons = "; ".join(f"{count}: {reason}" for reason, count in sorted(left_out.items()))
            raise DatasetError(
                f"{whole.path}: found no lesion that can be used in {', '.join(splits)} "
                f"({reasons or 'no film there has any'}); needed one or more, whose window of {size} pixels lies "
                "inside the breast"
            )
        return cls(whole, crops, size=size, left_out=left_out)

    @cached_property
    def sha256(self) -> str:
        """Hash of the whole data set."""
        return self.whole.sha256

    def crop(self, image_id: str) -> Crop:
        """Where a film of this data set lies in the whole one.

        Raises:
            NotFoundError: if there is no such crop.

        """
        if image_id not in self._crops:
            raise NotFoundError(f"image_id: found {image_id!r}, needed a lesion of {self.path}")
        return self._crops[image_id]

    def pixels(self, image_id: str) -> Pixels:
        """Read a crop: (size, size) float32 in [0, 1]."""
        crop = self.crop(image_id)
        return cut(self.whole.original(crop.film.image_id), crop.window, self.size)

    def mask(self, image_id: str) -> Mask:
        """The region of a crop, inside the breast as its whole window is: (size, size) bool."""
        crop = self.crop(image_id)
        return region_mask(crop.box, crop.window, self.size)


def original_box(lesion: Lesion, film: Film, shape: tuple[int, ...], prepared: int) -> Box:
    """A lesion's box in pixels of the film at its own resolution.

    Args:
        lesion: of the film.
        film: whose padding says where the prepared film lies in its square.
        shape: rows and columns of the film at its own resolution.
        prepared: rows and columns of the prepared film.

    """
    above, below, before, after = film.origin.padding
    down = shape[0] / (prepared - above - below)
    along = shape[1] / (prepared - before - after)
    return (lesion.x - before) * along, (lesion.y - above) * down, lesion.width * along, lesion.height * down


def _lesions_of(film: Film, mask: Mask, prepared: int, size: int, left_out: Counter[LeftOut]) -> list[Crop]:
    crops = []
    for number, lesion in enumerate(film.lesions):
        box = original_box(lesion, film, mask.shape, prepared)
        window = window_around(box, mask.shape, size=size)
        if not lesion.label:
            left_out[LeftOut.UNKNOWN] += 1
        elif window is None:
            left_out[LeftOut.SMALL_FILM] += 1
        elif not mask[window.slices].all():
            left_out[LeftOut.EDGE] += 1
        else:
            crops.append(Crop(film, window, box, number))
    return crops


def _free_place(found: Sequence[Crop], mask: Mask, prepared: int, seed: int) -> Crop | None:
    """A window as large as the first lesion's, inside the breast, clear of all lesions and their rims."""
    film, like = found[0].film, found[0]
    boxes = [region_box(original_box(lesion, film, mask.shape, prepared)) for lesion in film.lesions]
    places = [window for window in _inside(mask, like.window.side) if not any(map(window.overlaps, boxes))]
    if not places:
        return None
    window = places[draw(seed, "free", film.image_id) % len(places)]
    _, _, width, height = like.box
    middle_x, middle_y = window.left + window.side / 2, window.top + window.side / 2
    return Crop(film, window, (middle_x - width / 2, middle_y - height / 2, width, height), None)


def _inside(mask: Mask, side: int) -> Iterator[Window]:
    """Windows of a grid that lie inside a mask."""
    sums = np.pad(mask.cumsum(axis=0, dtype=np.int32).cumsum(axis=1), ((1, 0), (1, 0)))
    step = max(1, side // _PLACES)
    for top in range(0, mask.shape[0] - side + 1, step):
        for left in range(0, mask.shape[1] - side + 1, step):
            bottom, right = top + side, left + side
            covered = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            if covered == side * side:
                yield Window(top, left, side)


def _entry(image_id: str, crop: Crop) -> Film:
    label = Label.BENIGN if crop.lesion is None else Label(crop.film.lesions[crop.lesion].label)
    return replace(crop.film, image_id=image_id, label=label, lesions=())
