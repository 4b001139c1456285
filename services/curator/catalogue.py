"""The films of a data set before their pixels are read, under the names that they will have in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.curator.configuration import PrepareConfiguration
from services.curator.identification import identify
from services.curator.preparation import SkippedFilm
from services.curator.pseudonyms import Pseudonyms
from services.curator.table import TableFilm, read_table
from shared.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Which films there are."""

    films: Sequence[TableFilm]
    files: Mapping[str, str]
    """Of each film's path as the data set has it, the file's path below the folder of films."""
    skipped: Sequence[SkippedFilm]
    """Films that the table has and the folder has not."""
    way_back: Sequence[tuple[str, str, str]] = ()
    """Kind, original and pseudonym of whatever was replaced."""


def make_catalogue(configuration: PrepareConfiguration, pseudonyms: Pseudonyms | None) -> Catalogue:
    """Read the table, and the headers of files where the table leaves something to them.

    Raises:
        DatasetError: if the table is malformed, or the folder has none of its films.

    """
    table = read_table(
        configuration.table,
        source=configuration.source,
        drop_without_callback=configuration.without_callback == "drop",
    )
    found = identify(table, images=configuration.images, table=configuration.table, workers=configuration.workers)
    if not found.films:
        first = found.skipped[0]
        raise DatasetError(f"{configuration.images}: no film could be prepared; {first.path}: {first.reason}")
    if pseudonyms is None:
        return Catalogue(films=found.films, files={film.path: film.path for film in found.films}, skipped=found.skipped)
    originals = [film.path for film in found.films] + [film.path for film in found.skipped]
    paths = {path: pseudonyms.path(path) for path in originals}
    patients = {film.patient_id: pseudonyms.patient(film.patient_id) for film in found.films}
    return Catalogue(
        films=[replace(film, path=paths[film.path], patient_id=patients[film.patient_id]) for film in found.films],
        files={paths[film.path]: film.path for film in found.films},
        skipped=[replace(film, path=paths[film.path]) for film in found.skipped],
        way_back=(
            *(("patient", original, pseudonym) for original, pseudonym in patients.items()),
            *(("path", original, pseudonym) for original, pseudonym in paths.items()),
        ),
    )
