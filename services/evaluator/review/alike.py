"""Films as a reader gets them: all of one size, and each of the same number of bytes."""

import io

from PIL import Image

from services.evaluator.review.study import Kind, StudyFilm
from services.evaluator.run_directory import RunDirectory
from shared.dataset import Dataset
from shared.errors import DatasetError
from shared.images import Film, resize_film, sha256_pixels, to_uint16


def load_film(film: StudyFilm, run: RunDirectory, dataset: Dataset, *, picture_size: int) -> Film:
    """Read the film of a study: (side, side) float32 in [0, 1], `side` the run's size or `picture_size`.

    Raises:
        DatasetError: if its file is missing, or not the film that was chosen.

    """
    if film.kind is Kind.REAL:
        found: Film | None = dataset.pixels(film.name)
    elif film.kind is Kind.ACCEPTED:
        found = run.accepted_film(int(film.name))
    else:
        found = run.placebo_film(int(film.name))
    if found is None or sha256_pixels(found) != film.sha256:
        raise DatasetError(f"{film.kind} film {film.name}: its file is missing, or is not the film that was recorded")
    side = min(picture_size, run.pins["size"])
    return resize_film(found, side, side)


def encode_alike(film: Film) -> bytes:
    """Write a film as a 16-bit grey PNG that is not compressed: how far a film can be compressed tells what made it."""
    buffer = io.BytesIO()
    Image.fromarray(to_uint16(film)).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()
