"""A folder of films with a table as a source."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from services.curator.configuration import PrepareConfiguration
from services.curator.entry import Entry, SkippedFilm
from services.curator.identification import identify
from services.curator.lesions import read_lesions
from services.curator.pseudonyms import Pseudonyms
from services.curator.source import Source, SourceFilm
from services.curator.table import read_table
from shared.errors import ConfigurationError, DatasetError


def read_folder(configuration: PrepareConfiguration, pseudonyms: Pseudonyms | None) -> Source:
    """Read the table, the headers of files where the table leaves something to them, and the table of lesions.

    Raises:
        ConfigurationError: if there is no such folder, or no table is given.
        DatasetError: if a table is malformed.

    """
    images, table = configuration.images, configuration.table
    if images is None or not images.is_dir():
        raise ConfigurationError(f"--images: found no folder {images}, needed a folder of films")
    if table is None:
        raise ConfigurationError("--table: found none, needed a CSV of the films in --images")
    drop = configuration.without_callback == "drop"
    entries = read_table(table, source=configuration.source, drop_without_callback=drop)
    found = identify(entries, images=images, table=table, workers=configuration.workers)
    options = {"table_sha256": hashlib.sha256(table.read_bytes()).hexdigest()}
    if configuration.lesions is not None:
        options["lesions_sha256"] = hashlib.sha256(configuration.lesions.read_bytes()).hexdigest()
    root = images.resolve()
    inside, outside = [], []
    for entry in found.films:
        if (images / entry.path).resolve().is_relative_to(root):
            inside.append(entry)
        else:
            outside.append(SkippedFilm(path=entry.path, reason="refused: a link out of the folder"))
    films = [
        SourceFilm(
            entry=entry,
            file=images / entry.path,
            bits=configuration.bits,
            aspect_ratio=configuration.width_to_height,
            secret=pseudonyms is not None,
        )
        for entry in _add_lesions(configuration, inside)
    ]
    source = Source(films=films, skipped=[*found.skipped, *outside], options=options)
    return source if pseudonyms is None else _replace_names(source, pseudonyms)


def _add_lesions(configuration: PrepareConfiguration, entries: Sequence[Entry]) -> list[Entry]:
    if configuration.lesions is None:
        return list(entries)
    findings = read_lesions(configuration.lesions)
    if entries and not any(entry.path in findings for entry in entries):
        raise DatasetError(
            f"{configuration.lesions}, column path: found none of the films of {configuration.table}, "
            f"such as {entries[0].path}"
        )
    return [replace(entry, findings=tuple(findings.get(entry.path, ()))) for entry in entries]


def _replace_names(source: Source, pseudonyms: Pseudonyms) -> Source:
    originals = [film.entry.path for film in source.films] + [film.path for film in source.skipped]
    paths = {path: pseudonyms.path(path) for path in originals}
    patients = {film.entry.patient_id: pseudonyms.patient(film.entry.patient_id) for film in source.films}

    def rename(entry: Entry) -> Entry:
        return replace(entry, path=paths[entry.path], patient_id=patients[entry.patient_id])

    return replace(
        source,
        films=[replace(film, entry=rename(film.entry)) for film in source.films],
        skipped=[replace(film, path=paths[film.path]) for film in source.skipped],
        way_back=(
            *(("patient", original, pseudonym) for original, pseudonym in patients.items()),
            *(("path", original, pseudonym) for original, pseudonym in paths.items()),
        ),
    )
