"""What a source of films yields, a table or an archive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.curator.entry import Entry, SkippedFilm
from services.curator.readable_file import ReadableFile


@dataclass(frozen=True, kw_only=True)
class SourceFilm:
    """A film that is to be prepared."""

    entry: Entry
    file: ReadableFile
    bits: int = 16
    """Bits that 16-bit files use, where they do not say it themselves."""
    aspect_ratio: float | None = None
    """Width / height before the film was stretched to its rows and columns; None when pixels are square."""
    secret: bool = False
    """Whether UIDs are to be replaced, as path and patient of the entry were."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The films of one source."""

    films: Sequence[SourceFilm]
    skipped: Sequence[SkippedFilm] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What was found and what became of it, JSON values, kept in `dataset.json`."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What decides which films there are: a data set begun with others is refused."""
    way_back: Sequence[tuple[str, str, str]] = ()
    """Kind, original and pseudonym of whatever was replaced."""
