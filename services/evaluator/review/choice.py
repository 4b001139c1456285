"""Which films a study shows.

Patients are kept apart as far as films allow: two synthetic films of one content show one breast twice, and a real film
beside a film that was made from it shows which is which.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from services.evaluator.review.draw import rank
from services.evaluator.review.study import StudyFilm
from shared.dataset import Label


@dataclass(frozen=True)
class Candidate:
    """A film that may be shown."""

    film: StudyFilm
    source: str
    view: str
    also: str = ""
    """A further patient behind it: the style's."""


def choose_synthetic(
    candidates: Sequence[Candidate], count: int, *, shown: Counter[str], secret: bytes
) -> list[Candidate]:
    """Take films of contents that are not shown yet, as long as there are such; then further ones of the same contents.

    Args:
        candidates: accepted or placebo films.
        count: films at most.
        shown: how often each content's patient is shown; counted up.
        secret: that ranks are drawn with.

    """
    left = sorted(candidates, key=lambda one: rank(secret, one.film.kind, one.film.name))
    chosen = []
    for _ in range(min(count, len(left))):
        best = min(left, key=lambda one: shown[one.film.patient])  # the first of the best
        left.remove(best)
        shown[best.film.patient] += 1
        chosen.append(best)
    return chosen


def choose_real(
    candidates: Sequence[Candidate], count: int, *, beside: Sequence[Candidate], secret: bytes
) -> list[Candidate]:
    """Take real films of other patients, benign and malignant in turn, of the sources and views of the synthetic ones.

    Args:
        candidates: real films.
        count: films at most.
        beside: the synthetic films that are shown.
        secret: that ranks are drawn with.

    """
    behind = {patient for one in beside for patient in (one.film.patient, one.also)}
    free = [one for one in candidates if one.film.patient not in behind]
    left = sorted(free, key=lambda one: rank(secret, one.film.kind, one.film.name))
    shown: Counter[str] = Counter()
    chosen = []
    # Each source and view is asked for with both labels.
    wanted = [(label, one.source, one.view) for one in beside for label in (Label.BENIGN, Label.MALIGNANT)]
    for label, source, view in islice(cycle(wanted), min(count, len(left))):
        best = min(
            left,
            key=lambda one: (shown[one.film.patient], one.film.label != label, one.source != source, one.view != view),
        )
        left.remove(best)
        shown[best.film.patient] += 1
        chosen.append(best)
    return chosen


def same_breasts(chosen: Sequence[Candidate]) -> int:
    """How many films show a patient that another one of them shows."""
    counts = Counter(one.film.patient for one in chosen)
    return sum(number for number in counts.values() if number > 1)
