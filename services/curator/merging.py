"""Physically identical films become one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.curator.entry import Entry, worst
from services.curator.preparation import PreparedFilm
from shared.dataset import Lesion


@dataclass(frozen=True)
class MergedFilm:
    """A film of the data set: one file, or several with the same pixels."""

    prepared: PreparedFilm
    entry: Entry
    """Of the first file by path, with the worst pathology of all."""
    others: tuple[Entry, ...]
    """The other files' entries."""
    lesions: tuple[Lesion, ...] = ()
    """Of all files, each once."""


def merge_identical(prepared: Sequence[PreparedFilm], entries: Mapping[str, Entry]) -> list[MergedFilm]:
    """Join films whose files hold the same pixels.

    Args:
        prepared: films in any order.
        entries: the table's films by path.

    """
    alike: dict[str, list[PreparedFilm]] = {}
    for film in sorted(prepared, key=lambda film: film.origin.path):
        alike.setdefault(film.source_sha256, []).append(film)
    merged = []
    for same in alike.values():
        own = [entries[film.origin.path] for film in same]
        pathology = worst([entry.pathology for entry in own])
        entry = replace(
            own[0],
            pathology=pathology,
            subset=_join(entry.subset for entry in own),
            official_split=_join(entry.official_split for entry in own),
        )
        lesions = dict.fromkeys(lesion for film in same for lesion in film.lesions)
        merged.append(MergedFilm(same[0], entry, tuple(own[1:]), tuple(lesions)))
    return merged


def _join(values: Iterable[str]) -> str:
    """Different values, each once, in their alphabetic order."""
    return ", ".join(sorted({part for value in values for part in value.split(", ") if part}))


def patients_together(merged: Sequence[MergedFilm]) -> list[tuple[str, str]]:
    """Pairs of patients who share a film, and so must share a split."""
    return [
        (film.entry.patient_id, other.patient_id)
        for film in merged
        for other in film.others
        if other.patient_id != film.entry.patient_id
    ]
