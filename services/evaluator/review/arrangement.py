"""In which order films are shown, and which of them twice."""

from collections.abc import Sequence

from services.evaluator.review.draw import rank
from services.evaluator.review.study import Item, StudyFilm


def arrange(films: Sequence[StudyFilm], *, repeats: int, secret: bytes) -> tuple[Item, ...]:
    """Shuffle films, and show some of the first half again, at least a third of all films later.

    Args:
        films: each once.
        repeats: films that are shown twice, at most; whichever group they are of.
        secret: that ranks are drawn with.

    """
    shuffled = sorted(films, key=lambda film: rank(secret, "place", _name(film)))
    apart = len(shuffled) // 3
    early = sorted(range((len(shuffled) + 1) // 2), key=lambda place: rank(secret, "repeat", _name(shuffled[place])))
    # By the place after which it comes: which earlier places are shown again.
    again: dict[int, list[int]] = {}
    for place in early[:repeats]:
        room = len(shuffled) - place - apart
        later = place + apart + rank(secret, "again", _name(shuffled[place])) % room
        again.setdefault(later, []).append(place)
    numbers: dict[int, int] = {}
    items: list[Item] = []
    for place, film in enumerate(shuffled):
        numbers[place] = len(items) + 1
        items.append(Item(number=len(items) + 1, film=film))
        for earlier in again.get(place, ()):
            items.append(Item(number=len(items) + 1, film=shuffled[earlier], repeats=numbers[earlier]))
    return tuple(items)


def _name(film: StudyFilm) -> str:
    return f"{film.kind}\0{film.name}"
