"""Parts of the patients: who learns from one part shares no patient with who learns from another."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from services.trainer.films import FilmSet
from shared.dataset import Film, Split
from shared.errors import ConfigurationError


def films_of_part(films: FilmSet, part: str, *, split: Split, seed: int) -> NDArray[np.intp]:
    """Indices of `films` without those of `split` whose patients are not in part K of N; `part` is "K/N", K from 0.

    Patients of the split are ordered by a hash of seed and code within each stratum (sources, and benign, malignant or
    both), then dealt out one after the other, so that parts differ by one patient at most, as a whole and in each
    stratum. Raises ConfigurationError when K is no part or there are fewer patients than parts.
    """
    number, count = (int(text) for text in part.split("/"))
    if number >= count:
        raise ConfigurationError(f"--part: found {part}: needed is K/N with K from 0 to {count - 1}")
    strata = _strata(film for film in films.films if film.split == split)
    if len(strata) < count:
        raise ConfigurationError(f"--part: {count} parts asked for, with {len(strata)} patients: needed are as many")
    dealt = sorted(strata, key=lambda patient: (strata[patient], _rank(patient, seed)))
    chosen = set(dealt[number::count])
    return np.flatnonzero([film.split != split or film.patient_id in chosen for film in films.films])


def _strata(films: Iterable[Film]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Sources and labels of each patient."""
    own: dict[str, list[Film]] = {}
    for film in films:
        own.setdefault(film.patient_id, []).append(film)
    return {
        patient: (tuple(sorted({film.source for film in theirs})), tuple(sorted({film.label for film in theirs})))
        for patient, theirs in own.items()
    }


def _rank(patient: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{patient}".encode()).digest()
