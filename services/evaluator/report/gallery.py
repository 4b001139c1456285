"""Which films a page shows, as many as fit into it."""

from dataclasses import dataclass

from services.evaluator.films import OriginalFilms
from services.evaluator.report.panels import Panel, PanelMaker
from services.evaluator.run_directory import RunDirectory
from services.evaluator.selection import choose_accepted, choose_rejected

_ACCEPTED, _PLACEBO = "accepted", "placebo"


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """The films of a page."""

    accepted: list[Panel]
    placebo: list[Panel]
    rejected: dict[str, list[Panel]]
    """By their weightiest reason."""
    films: dict[str, str]
    """16-bit PNGs in base64, by name."""
    amplification: int
    """Of the previews of differences."""
    resized: bool
    """Whether films were larger than is shown."""
    cut: bool
    """Whether fewer films are shown than were asked for, for lack of room."""


def choose_gallery(
    run: RunDirectory,
    originals: OriginalFilms,
    *,
    accepted: int,
    rejected: int,
    picture_size: int,
    budget: int,
) -> Gallery:
    """Draw films until they fit.

    Args:
        run: whose films they are.
        originals: the films that they were made from.
        accepted: accepted films at most.
        rejected: rejected films for each reason at most, and placebo films.
        picture_size: rows and columns of a film at most, in pixels.
        budget: bytes that films and previews may take in the page.

    """
    cut = False
    while True:
        maker = PanelMaker(run, originals, picture_size=picture_size)
        groups = choose_rejected(run.records, run.kept_rejected(), rejected)
        panels = maker.make(
            {
                _ACCEPTED: choose_accepted(run.records, accepted),
                _PLACEBO: choose_accepted(run.twins, rejected),
                **groups,
            }
        )
        used = maker.store.bytes + sum(panel.bytes for group in panels.values() for panel in group)
        if used <= budget or not (accepted or rejected):
            break
        cut = True
        share = 0.95 * budget / used
        accepted, rejected = int(accepted * share), int(rejected * share)
    return Gallery(
        accepted=panels.pop(_ACCEPTED),
        placebo=panels.pop(_PLACEBO),
        rejected=panels,
        films=maker.store.films,
        amplification=maker.amplification,
        resized=maker.resized,
        cut=cut,
    )
