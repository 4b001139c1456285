"""Physically identical films become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.curator.preparation import PreparedFilm
from services.curator.table import TableFilm, worst


@dataclass(frozen=True)
class MergedFilm:
    """A film of the data set: one file, or several with the same pixels."""

    prepared: PreparedFilm
    entry: TableFilm
    """Of the first file by path, with the worst pathology of all."""
    others: tuple[TableFilm, ...]
    """The other files' entries."""


def merge_identical(prepared: Sequence[PreparedFilm], entries: Mapping[str, TableFilm]) -> list[MergedFilm]:
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
        merged.append(MergedFilm(same[0], replace(own[0], pathology=pathology), tuple(own[1:])))
    return merged


def patients_together(merged: Sequence[MergedFilm]) -> list[tuple[str, str]]:
    """Pairs of patients who share a film, and so must share a split."""
    return [
        (film.entry.patient_id, other.patient_id)
        for film in merged
        for other in film.others
        if other.patient_id != film.entry.patient_id
    ]
