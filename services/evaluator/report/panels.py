"""One trial as it is shown: content, style, output and difference side by side, with what both gates said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.evaluator.films import OriginalFilms
from services.evaluator.report.embedding import FilmStore
from services.evaluator.report.grids import record_name
from services.evaluator.report.pictures import difference_uri, film_uri
from services.evaluator.run_directory import RunDirectory
from shared.images import Film, Mask, resize_film, resize_mask, sha256_pixels
from shared.pictures import Window, choose_amplification, choose_window
from shared.record import PairRecord, Scores, Source, Trial


@dataclass(frozen=True)
class Picture:
    """One picture of a panel; `uri` is empty where its film is not there."""

    name: str
    caption: str
    alt: str
    uri: str
    """8-bit preview, in its window."""
    film: str = ""
    """Name of the 16-bit film that the page carries; a difference has none, it is taken from two others."""
    window: Window | None = None
    """Of the preview, and what the viewer begins with."""


@dataclass(frozen=True)
class Panel:
    """One trial with its pictures."""

    record: PairRecord
    trial: Trial
    pictures: tuple[Picture, ...]
    before: Scores | None
    record_name: str
    warning: str
    """What is wrong with its film; empty if nothing is."""

    @property
    def bytes(self) -> int:
        """Of its previews."""
        return sum(len(picture.uri) for picture in self.pictures)


@dataclass(frozen=True)
class _Shown:
    """Films of one panel, brought to the size of the pictures."""

    record: PairRecord
    trial: Trial
    output: Film | None
    content: tuple[Film, Mask] | None
    style: tuple[Film, Mask] | None
    warning: str

    @property
    def difference(self) -> npt.NDArray[np.float32] | None:
        """Output minus content, where both are there and of one size."""
        if self.output is None or self.content is None or self.output.shape != self.content[0].shape:
            return None
        return self.output - self.content[0]


class PanelMaker:
    """Makes the panels of one page; all its differences are amplified alike."""

    def __init__(self, run: RunDirectory, originals: OriginalFilms, *, picture_size: int) -> None:
        self._run = run
        self._originals = originals
        self._size = picture_size
        self.store = FilmStore()
        """Films of the panels made."""
        self.amplification = 1
        """What the differences were multiplied by, once panels were made."""
        self.resized = False
        """Whether a film was larger than the pictures."""

    def make(self, groups: Mapping[str, Sequence[tuple[PairRecord, Trial]]]) -> dict[str, list[Panel]]:
        """Make the panels of all groups of a page, by the name of the group."""
        shown = {name: [self._read(record, trial) for record, trial in group] for name, group in groups.items()}
        differences = [item.difference for group in shown.values() for item in group]
        self.amplification = choose_amplification([item for item in differences if item is not None])
        return {name: [self._panel(item) for item in group] for name, group in shown.items()}

    def _read(self, record: PairRecord, trial: Trial) -> _Shown:
        if trial.trial != record.accepted_trial:
            output = self._run.rejected_film(record.pair, trial.trial)
        elif record.placebo:
            output = self._run.placebo_film(record.pair)
        else:
            output = self._run.accepted_film(record.pair)
        warning = ""
        if output is None:
            warning = "The film of this trial is missing or broken."
        elif sha256_pixels(output) != trial.sha256:
            warning = "The pixels of this film are not those that its record tells of."
        return _Shown(
            record,
            trial,
            None if output is None else self._small(output),
            self._original(record.content),
            self._original(record.style),
            warning,
        )

    def _original(self, source: Source) -> tuple[Film, Mask] | None:
        found = self._originals.film(source)
        if found is None:
            return None
        film = self._small(found[0])
        return film, resize_mask(found[1], *film.shape)

    def _small(self, film: Film) -> Film:
        rows, columns = film.shape
        scale = min(1.0, self._size / max(rows, columns))
        self.resized |= scale < 1.0
        return resize_film(film, max(1, round(rows * scale)), max(1, round(columns * scale)))

    def _panel(self, shown: _Shown) -> Panel:
        record = shown.record
        pictures = (
            self._source_picture("Content", "benign", record, record.content, shown.content),
            self._source_picture(
                "Style", "benign" if record.placebo else "malignant", record, record.style, shown.style
            ),
            self._output_picture(shown),
            self._difference_picture(shown),
        )
        return Panel(record, shown.trial, pictures, record.content.scores, record_name(record), shown.warning)

    def _source_picture(
        self, name: str, label: str, record: PairRecord, source: Source, film: tuple[Film, Mask] | None
    ) -> Picture:
        about = self._originals.about(source)
        alt = f"{name} film of pair {record.pair}: {source.image_id}, {label}{', ' if about else ''}{about}"
        if film is None:
            return Picture(name, source.image_id, alt, "")
        window = choose_window(*film)
        return Picture(name, source.image_id, alt, film_uri(film[0], window), self.store.add(film[0]), window)

    def _output_picture(self, shown: _Shown) -> Picture:
        trial = shown.trial
        kept = "accepted" if not trial.reasons else "rejected as " + ", ".join(trial.reasons).replace("_", " ")
        what = "Placebo film" if shown.record.placebo else "Synthetic film"
        alt = f"{what} of pair {shown.record.pair}, trial {trial.trial}, {kept}"
        if shown.output is None:
            return Picture("Output", f"trial {trial.trial}", alt, "")
        # The content's window, so that content and output can be compared by eye.
        window = choose_window(*shown.content) if shown.content else choose_window(shown.output, None)
        uri = film_uri(shown.output, window)
        return Picture("Output", f"trial {trial.trial}", alt, uri, self.store.add(shown.output), window)

    def _difference_picture(self, shown: _Shown) -> Picture:
        difference = shown.difference
        uri = "" if difference is None else difference_uri(difference, self.amplification)
        alt = (
            f"Output minus content of pair {shown.record.pair}, trial {shown.trial.trial}; "
            f"mean absolute change {shown.trial.mean_absolute_change:.4f} of full scale"
        )
        return Picture("Difference", f"amplified {self.amplification} times", alt, uri)
