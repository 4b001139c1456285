"""Which accepted films readers reject, and so are vetoed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.evaluator.review.answers import Answers
from services.evaluator.review.study import Kind, Study, StudyFilm

Rule = Literal["any", "majority", "all", "none"]


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A film that at least one reader called not usable."""

    film: StudyFilm
    readers: tuple[str, ...]
    """Who did."""
    asked: int
    """Readers who said whether it is usable."""
    comments: tuple[str, ...]
    """Of those who did, each with its reader."""

    @property
    def reason(self) -> str:
        """As it stands in the veto."""
        said = f": {'; '.join(self.comments)}" if self.comments else ""
        return f"called not usable by {', '.join(self.readers)}{said}"

    def is_vetoed(self, rule: Rule) -> bool:
        """Whether this many readers are enough: any one, more than half of those who answered, all of them."""
        if rule == "none" or self.film.kind is not Kind.ACCEPTED:
            return False
        if rule == "any":
            return True
        return 2 * len(self.readers) > self.asked if rule == "majority" else len(self.readers) == self.asked


def find_rejections(everybody: Sequence[Answers], study: Study) -> list[Rejection]:
    """List films that were called not usable, at any showing, in the order of their first."""
    numbers: dict[str, list[int]] = {}
    for item in study.items:
        numbers.setdefault(_key(item.film), []).append(item.number)
    rejections = []
    for film in study.films:
        said = {
            answers.reader: [answers.by_item[number] for number in numbers[_key(film)] if number in answers.by_item]
            for answers in everybody
        }
        asked = [reader for reader, given in said.items() if any(answer.usable is not None for answer in given)]
        against = [reader for reader, given in said.items() if any(answer.usable is False for answer in given)]
        if against:
            comments = [
                f"{reader}: {answer.comment}" for reader in against for answer in said[reader] if answer.comment
            ]
            rejections.append(Rejection(film=film, readers=tuple(against), asked=len(asked), comments=tuple(comments)))
    return rejections


def _key(film: StudyFilm) -> str:
    return f"{film.kind}\0{film.name}"
