"""The films of a data set before their pixels are read, of all sources, under the names that they will have in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.curator.cbis_ddsm import read_cbis_ddsm
from services.curator.cmmd import read_cmmd
from services.curator.configuration import PrepareConfiguration
from services.curator.entry import Entry, SkippedFilm
from services.curator.folder import read_folder
from services.curator.pseudonyms import Pseudonyms
from services.curator.source import Source, SourceFilm
from shared.dataset import Label
from shared.errors import ConfigurationError, DatasetError


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Which films there are."""

    films: Mapping[str, SourceFilm]
    """By the path that the data set has."""
    skipped: Sequence[SkippedFilm]
    """Films that cannot be prepared, as is known before any is read."""
    notes: Mapping[str, Any]
    """What the sources found, JSON values."""
    options: Mapping[str, str]
    """What decides which films there are."""
    way_back: Sequence[tuple[str, str, str]]
    """Kind, original and pseudonym of whatever was replaced."""

    @property
    def entries(self) -> list[Entry]:
        """The films as their sources tell of them."""
        return [film.entry for film in self.films.values()]


def make_catalogue(configuration: PrepareConfiguration, pseudonyms: Pseudonyms | None) -> Catalogue:
    """Look for the films of every source that is given.

    Raises:
        ConfigurationError: if no source is given, or a folder is none.
        DatasetError: if a table is malformed, no film is found, or none of one of the classes.

    """
    sources = [read(configuration, pseudonyms) for read in _readers(configuration)]
    films: dict[str, SourceFilm] = {}
    for source in sources:
        for film in source.films:
            if film.entry.path in films:
                raise DatasetError(f"{film.entry.path}: found in two sources, needed another name for the folder in it")
            films[film.entry.path] = film
    skipped = [film for source in sources for film in source.skipped]
    if not films:
        reason = f"; {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise DatasetError(f"{_name(configuration)}: no film could be prepared{reason}")
    for label in Label:
        if not any(film.entry.label is label for film in films.values()):
            raise DatasetError(
                f"{_name(configuration)}, column pathology: found no {label} film, needed films of both classes"
            )
    return Catalogue(
        films=films,
        skipped=skipped,
        notes={key: value for source in sources for key, value in source.notes.items()},
        options={key: value for source in sources for key, value in source.options.items()},
        way_back=[row for source in sources for row in source.way_back],
    )


def _readers(
    configuration: PrepareConfiguration,
) -> list[Callable[[PrepareConfiguration, Pseudonyms | None], Source]]:
    given = {
        _read_cbis_ddsm: configuration.cbis_ddsm,
        _read_cmmd: configuration.cmmd,
        read_folder: configuration.images,
    }
    if not any(given.values()):
        raise ConfigurationError("found no source of films, needed --cbis-ddsm, --cmmd, or --images with --table")
    for option, value in (("--table", configuration.table), ("--lesions", configuration.lesions)):
        if value is not None and configuration.images is None:
            raise ConfigurationError(f"{option}: found {value} without --images, needed the folder of its films")
    return [read for read, folder in given.items() if folder is not None]


def _read_cbis_ddsm(configuration: PrepareConfiguration, _: Pseudonyms | None) -> Source:
    folder, drop = configuration.cbis_ddsm, configuration.without_callback == "drop"
    return read_cbis_ddsm(folder or Path(), drop_without_callback=drop, workers=configuration.workers)


def _read_cmmd(configuration: PrepareConfiguration, _: Pseudonyms | None) -> Source:
    return read_cmmd(configuration.cmmd or Path(), workers=configuration.workers)


def _name(configuration: PrepareConfiguration) -> str:
    places = (configuration.cbis_ddsm, configuration.cmmd, configuration.table)
    return ", ".join(str(place) for place in places if place is not None)
