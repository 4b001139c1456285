"""What the gates say of a trial: of its film, of the crop around its lesion, or of both."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from services.orchestrator.insets import PairFilms
from services.orchestrator.policy import LesionRules
from shared.images import Film, Mask
from shared.record import Scores

Numerics = dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """What both gates say of a film, and with what numerics, by service."""

    scores: Scores
    numerics: dict[str, Numerics]
    film_scores: Scores | None = None
    """Of the whole film, where `scores` are its crop's and both were asked for."""


class Gates(Protocol):
    """Whoever scores films."""

    async def score(self, film: Film, mask: Mask) -> Scored:
        """Ask both gates."""

    async def score_film(self, film: Film, mask: Mask) -> Scored:
        """Ask both gates of whole films, where the others are for crops."""


@dataclass(frozen=True)
class Look:
    """A trial as it would be kept, and its scores."""

    film: Film
    """(size, size), as the data set's films are."""
    scored: Scored
    original: Film | None = None
    """(rows, columns), the film at its own resolution where its lesion was changed."""


async def look(gates: Gates, films: PairFilms, snapshot: Film, rules: LesionRules) -> Look:
    """Score a snapshot; a crop is blended into its film first, and scored as it is there."""
    if films.inset is None:
        return Look(snapshot, await gates.score(snapshot, films.content_mask))
    blended = await asyncio.to_thread(films.inset.blend, snapshot)
    whole = await asyncio.to_thread(films.inset.whole, blended)
    if rules.looks_at == "film":
        scored = await gates.score(whole.prepared, films.inset.prepared_mask)
    else:
        scored = await gates.score(blended, films.content_mask)
    if rules.film_gates is not None:
        scored = both(scored, await gates.score_film(whole.prepared, films.inset.prepared_mask))
    return Look(whole.prepared, scored, whole.original)


def both(crop: Scored, film: Scored) -> Scored:
    """Join the scores of a crop and of its whole film."""
    return Scored(crop.scores, {**crop.numerics, **film.numerics}, film.scores)
