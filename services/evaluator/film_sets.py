"""The sets of films that an evaluation compares: what a run accepted, what that was made from, and real films."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.evaluator.films import OriginalFilms
from services.evaluator.run_directory import RunDirectory
from shared.dataset import Dataset, Label, Split
from shared.errors import DatasetError
from shared.images import Film, Mask, sha256_pixels
from shared.log import get_logger
from shared.record import PairRecord


@dataclass(frozen=True)
class SetFilm:
    """One film of a set, with its breast mask."""

    name: str
    """image_id of a real film, number of a pair else."""
    patient: str
    film: Film
    mask: Mask


def outputs(
    run: RunDirectory, originals: OriginalFilms, records: Iterable[PairRecord]
) -> list[tuple[PairRecord, SetFilm, Film]]:
    """Films that both gates let pass, each with its record and its content's pixels.

    Left out, and told in the log, are those whose file is missing or another's, and whose content is not there.
    """
    found = []
    for record in records:
        film = run.placebo_film(record.pair) if record.placebo else run.accepted_film(record.pair)
        content = originals.film(record.content)
        if film is None or sha256_pixels(film) != record.sha256:
            get_logger("evaluate").warning(
                "film left out: its file is missing or not the recorded one", pair=record.pair
            )
        elif content is None or content[0].shape != film.shape:
            get_logger("evaluate").warning("film left out: its content is not in the data set", pair=record.pair)
        else:
            found.append((record, SetFilm(str(record.pair), record.content.patient_id, film, content[1]), content[0]))
    return found


def real_films(dataset: Dataset, *, label: Label | None = None) -> Iterable[SetFilm]:
    """Real films of all splits but `test`, one after the other; broken ones are left out and told in the log."""
    for entry in dataset.select(label=label):
        if entry.split is Split.TEST:
            continue
        try:
            film, mask = dataset.pixels(entry.image_id), dataset.mask(entry.image_id)
        except DatasetError as error:
            get_logger("evaluate").warning("film left out", error=error.message)
            continue
        yield SetFilm(entry.image_id, entry.patient_id, film, mask)
