"""The films of a run that a second classifier can be asked about: accepted ones, and those of rejected trials kept."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from enum import StrEnum

from services.evaluator.run_directory import RunDirectory
from shared.errors import DatasetError, InvalidImageError
from shared.images import Film, decode_png16, sha256_pixels
from shared.record import PairRecord, Scores, Source
from shared.store import Store

_FOLDERS = ("accepted", "placebo", "rejected")


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
    store: Store
    name: str
    """Of its file there."""
    sha256: str
    """Of its pixels, as the record has it."""

    def film(self) -> Film:
        """Read the film, (size, size) float32 in [0, 1].

        Raises DatasetError when it cannot be read or is another film than the record's.
        """
        where = f"{self.store.address}/{self.name}"
        try:
            film = decode_png16(self.store.read(self.name))
        except (OSError, InvalidImageError) as error:
            raise DatasetError(f"{where}: cannot be read: {error}") from error
        found = sha256_pixels(film)
        if found != self.sha256:
            raise DatasetError(f"{where}: found pixels with sha256 {found}, needed the record's {self.sha256}")
        return film


def made_films(run: RunDirectory) -> Iterator[Made]:
    """All films that a run kept, but for those that people vetoed."""
    files = {f"{folder}/{name}.png" for folder in _FOLDERS for name in run.store.names(folder, ".png")}
    for record in (*run.records, *run.twins):
        if record.placebo or record.pair not in run.vetoes:
            yield from _films_of(run.store, record, files)


def _films_of(store: Store, record: PairRecord, files: Set[str]) -> Iterator[Made]:
    suffix, folder = ("-placebo", "placebo") if record.placebo else ("", "accepted")
    for trial in record.trials:
        accepted = trial.trial == record.accepted_trial
        name = f"{folder}/{record.pair:06d}.png"
        if not accepted:
            name = f"rejected/{record.pair:06d}-{trial.trial}{suffix}.png"
        if trial.scores is not None and record.content.scores is not None and name in files:
            group = _group(record, accepted)
            yield Made(group, record.pair, trial.trial, record.content, trial.scores, store, name, trial.sha256)


def _group(record: PairRecord, accepted: bool) -> Group:
    if record.placebo:
        return Group.PLACEBO_ACCEPTED if accepted else Group.PLACEBO_REJECTED
    return Group.ACCEPTED if accepted else Group.REJECTED
