"""A crop in its whole film: what the film looks like when a trial has changed its lesion."""

from dataclasses import dataclass

import numpy as np

from shared.crops import blend, cut, put_back, region_mask, resize_difference
from shared.dataset import Crop, Dataset
from shared.images import Film, Mask
from shared.record import LesionTransfer, Place


@dataclass(frozen=True)
class WholeFilm:
    """A film whose lesion was changed."""

    prepared: Film
    """(size, size), as the data set's other films are."""
    original: Film
    """(rows, columns), at its own resolution."""


@dataclass(frozen=True, eq=False)
class Inset:
    """The content of a pair of lesions, in its film."""

    content: Crop
    style: Crop
    crop: Film
    """The content's crop, (crop size, crop size)."""
    region: Mask
    """The lesion and its rim in it."""
    prepared: Film
    """The content's film as it is prepared."""
    prepared_mask: Mask
    original: Film
    """The content's film at its own resolution."""

    def blend(self, changed: Film) -> Film:
        """Give the crop whose region is what the crop became, without a seam."""
        return blend(self.crop, changed, self.region)

    def whole(self, blended: Film) -> WholeFilm:
        """Give the film whose crop is a blended one; where nothing changed it is the content to the bit, in 16 bit."""
        original = put_back(self.original, self.content.window, self.crop, blended)
        above, below, before, after = self.content.film.origin.padding
        rows, columns = (
            side - padding for side, padding in zip(self.prepared.shape, (above + below, before + after), strict=True)
        )
        difference = resize_difference(original - self.original, rows, columns)
        difference = np.pad(difference, ((above, below), (before, after)))
        changed = (difference != 0) & self.prepared_mask
        prepared = np.where(changed, np.clip(self.prepared + difference, 0.0, 1.0), self.prepared)
        return WholeFilm(prepared.astype(np.float32), original)

    def transfer(self) -> LesionTransfer:
        """Say what happens where."""
        return LesionTransfer(size=self.crop.shape[0], content=_place(self.content), style=_place(self.style))


@dataclass(frozen=True)
class PairFilms:
    """Pixels and masks of content and style, each (size, size): of breasts, or of lesions where there is an inset."""

    content: Film
    content_mask: Mask
    style: Film
    style_mask: Mask
    inset: Inset | None = None


def read_lesions(dataset: Dataset, content: Crop, style: Crop, size: int) -> PairFilms:
    """Read a pair of lesions as crops of `size` x `size` pixels, and the film around the content.

    Raises:
        DatasetError: if a film's file is missing or broken.

    """
    original = dataset.original(content.film.image_id)
    crop, region = cut(original, content.window, size), region_mask(content.box, content.window, size)
    inset = Inset(
        content=content,
        style=style,
        crop=crop,
        region=region,
        prepared=dataset.pixels(content.film.image_id),
        prepared_mask=dataset.mask(content.film.image_id),
        original=original,
    )
    styled = cut(dataset.original(style.film.image_id), style.window, size)
    return PairFilms(crop, region, styled, region_mask(style.box, style.window, size), inset)


def _place(crop: Crop) -> Place:
    window = crop.window
    return Place(lesion=crop.lesion, top=window.top, left=window.left, side=window.side, box=crop.box)
