"""A battery of made films, for the trainer's tests."""

from pathlib import Path

import numpy as np

from services.trainer.films import FilmSet
from services.trainer.spoiled import spoil
from shared.battery import BatteryFilm, BatteryWriter, Kind
from shared.battery.folder import film_file
from shared.images import from_uint16, sha256_pixels, to_uint16

KINDS = ("noise", "blur", "unclamped_1e8")
"""The last is named after style transfer: the films are noisy ones."""


def write_battery(path: Path, films: FilmSet, *, dataset_sha256: str, split: str = "validation") -> Path:
    """Spoil every film of a set in two ways, and the first two in a third."""
    wanted = [(kind, index) for kind in KINDS for index in range(2 if kind == KINDS[-1] else len(films))]
    writer = BatteryWriter(
        path,
        dataset_sha256=dataset_sha256,
        size=films.size,
        seed=0,
        split=split,
        kinds=[Kind(name=kind, stylised=kind == KINDS[-1]) for kind in KINDS],
        plan=[],
    )
    for kind, index in wanted:
        film = films.films[index]
        how = kind if kind != KINDS[-1] else "noise"
        pixels = from_uint16(to_uint16(spoil(films, how, index, seed=0)))
        entry = BatteryFilm(
            kind=kind,
            content=film.image_id,
            patient_id=film.patient_id,
            label=film.label.value,
            donor=film.image_id,
            file=film_file(kind, film.image_id),
            sha256=sha256_pixels(pixels),
            mean_absolute_change=float(np.abs(pixels - films.film(index)).mean()),
        )
        writer.write_film(entry, pixels, films.masks[index])
    writer.finish([(kind, films.films[index].image_id) for kind, index in wanted])
    return path
