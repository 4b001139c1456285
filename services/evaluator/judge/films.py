"""The films of a run that a second classifier can be asked about: accepted ones, and those of rejected trials kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from services.evaluator.run_directory import RunDirectory
from shared.errors import DatasetError, InvalidImageError
from shared.images import Film, decode_png16, sha256_pixels
from shared.record import PairRecord, Scores, Source, from_json


class Group(StrEnum):
    """What became of a film, and whether its style was malignant."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PLACEBO_ACCEPTED = "placebo_accepted"
    PLACEBO_REJECTED = "placebo_rejected"


@dataclass(frozen=True)
class Made:
    """One film that the run made."""

    group: Group
    pair: int
    trial: int
    content: Source
    """The film that it was made from, with what the gates said of it."""
    scores: Scores
    """What the gates say of the film made."""
    path: Path
    sha256: str
    """Of its pixels, as the record has it."""

    def film(self) -> Film:
        """Read the film, (size, size) float32 in [0, 1].

        Raises DatasetError when it cannot be read or is another film than the record's.
        """
        try:
            film = decode_png16(self.path.read_bytes())
        except (OSError, InvalidImageError) as error:
            raise DatasetError(f"{self.path}: cannot be read: {error}") from error
        found = sha256_pixels(film)
        if found != self.sha256:
            raise DatasetError(f"{self.path}: found pixels with sha256 {found}, needed the record's {self.sha256}")
        return film


def made_films(run: RunDirectory) -> Iterator[Made]:
    """All films that a run kept.

    Raises DatasetError when the record of a twin is broken.
    """
    for record in run.records:
        yield from _films_of(run.path, record)
    for file in sorted((run.path / "pairs").glob("*-placebo.json")):
        yield from _films_of(run.path, from_json(file.read_bytes(), where=f"pairs/{file.name}"))


def _films_of(path: Path, record: PairRecord) -> Iterator[Made]:
    suffix, folder = ("-placebo", "placebo") if record.placebo else ("", "accepted")
    for trial in record.trials:
        accepted = trial.trial == record.accepted_trial
        file = path / folder / f"{record.pair:06d}.png"
        if not accepted:
            file = path / "rejected" / f"{record.pair:06d}-{trial.trial}{suffix}.png"
        if trial.scores is not None and record.content.scores is not None and file.is_file():
            group = _group(record, accepted)
            yield Made(group, record.pair, trial.trial, record.content, trial.scores, file, trial.sha256)


def _group(record: PairRecord, accepted: bool) -> Group:
    if record.placebo:
        return Group.PLACEBO_ACCEPTED if accepted else Group.PLACEBO_REJECTED
    return Group.ACCEPTED if accepted else Group.REJECTED
