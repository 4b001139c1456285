"""Draws pairs: content and style number i are a pure function of (seed, i, data set, policy)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.orchestrator.policy import Pairing
from shared.dataset import Film, Label, Split
from shared.draws import draw
from shared.errors import DatasetError, InvalidInputError

Alike = Callable[[Film, Film], bool]
"""Whether a content and a style are alike enough."""


@dataclass(frozen=True)
class Pair:
    """A benign film that is changed, and a malignant one whose texture is taken."""

    index: int
    content: Film
    style: Film
    placebo: bool = False
    """Whether the style is a benign film too: what such a twin achieves, the pair has not achieved."""


class Pairs(Protocol):
    """Whoever draws pairs."""

    def pair(self, index: int) -> Pair:
        """Draw pair `index`, 0 or more."""


class Sampler:
    """The pairs of a run, drawn one after another and kept, as a use limit looks back at earlier pairs.

    Draws are hashes, not a generator's state, so that no library's next version can change a run.
    """

    def __init__(
        self,
        films: Sequence[Film],
        pairing: Pairing,
        *,
        seed: int,
        split: Split = Split.GENERATION,
        alike: Alike | None = None,
    ) -> None:
        """Take the films that may be drawn.

        Args:
            films: films of a data set.
            pairing: the rules.
            seed: any number.
            split: the only one that is drawn from.
            alike: whether a content and a style are alike enough, beside the rules; any are if None.

        Raises:
            DatasetError: if a class is empty, or no content has a style that the rules allow.

        """
        self._pairing = pairing
        self._seed = seed
        self._alike = alike
        self._allowed: dict[str, tuple[Film, ...]] = {}
        self._order: list[Film] = []
        self._styles = _drawable(films, Label.MALIGNANT, split)
        contents = _drawable(films, Label.BENIGN, split)
        self._contents = tuple(film for film in contents if self._candidates(film))
        self.left_out = len(contents) - len(self._contents)
        """Benign films that no malignant film may be paired with."""
        if not self._contents:
            raise DatasetError(
                f"split {split}: found {len(contents)} benign and {len(self._styles)} malignant films, of which "
                f"none may be paired by the rule {pairing.style!r} and across patients; needed one pair or more"
            )
        self._pairs: list[Pair] = []
        self._uses: Counter[str] = Counter()

    def pair(self, index: int) -> Pair:
        """Draw pair `index`, 0 or more.

        Raises:
            InvalidInputError: if the use limit of styles is reached before it.

        """
        while len(self._pairs) <= index:
            self._pairs.append(self._draw(len(self._pairs)))
        return self._pairs[index]

    def _draw(self, index: int) -> Pair:
        content = self._content(index)
        limit = self._pairing.style_use_limit
        candidates = [film for film in self._candidates(content) if limit is None or self._uses[film.image_id] < limit]
        if not candidates:
            raise InvalidInputError(
                f"pairs: found {index + 1} or more, but pair {index} finds no style left: each may be used {limit} "
                f"times; needed at most {index} pairs, more malignant films, or a policy with a higher style_use_limit"
            )
        style = candidates[self._number("style", index) % len(candidates)]
        self._uses[style.image_id] += 1
        return Pair(index, content, style)

    def _content(self, index: int) -> Film:
        if self._pairing.content == "uniform":
            return self._contents[self._number("content", index) % len(self._contents)]
        turn, place = divmod(index, len(self._contents))
        if place == 0:
            self._order = sorted(self._contents, key=lambda film: self._number("content", turn, film.image_id))
        return self._order[place]

    def _candidates(self, content: Film) -> tuple[Film, ...]:
        if content.image_id not in self._allowed:
            self._allowed[content.image_id] = tuple(
                style for style in self._styles if may_be_paired(content, style, self._pairing, self._alike)
            )
        return self._allowed[content.image_id]

    def _number(self, *what: object) -> int:
        return draw(self._seed, *what)


class PlaceboSampler:
    """The twins of a run's pairs: the same content, a benign film as style, drawn by the same rules.

    The use limit of styles does not hold for twins, which never enter a data set.
    """

    def __init__(
        self,
        films: Sequence[Film],
        pairing: Pairing,
        *,
        seed: int,
        pairs: Pairs,
        split: Split = Split.GENERATION,
        alike: Alike | None = None,
        instead: Callable[[Film], Film | None] | None = None,
    ) -> None:
        """Take the films that may be drawn, and the pairs whose twins are asked for.

        Args:
            films: as in `Sampler`.
            pairing: as in `Sampler`.
            seed: as in `Sampler`.
            pairs: the pairs.
            split: as in `Sampler`.
            alike: as in `Sampler`.
            instead: where given, nothing is drawn: the style of a twin is what this gives for the pair's style, if any.

        """
        self._pairing = pairing
        self._seed = seed
        self._pairs = pairs
        self._alike = alike
        self._instead = instead
        self._styles = _drawable(films, Label.BENIGN, split)

    def has(self, index: int) -> bool:
        """Whether pair `index` can have a twin: the rules may allow no other patient's benign film."""
        return bool(self._candidates(self._pairs.pair(index)))

    def pair(self, index: int) -> Pair:
        """Draw the twin of pair `index`, 0 or more.

        Raises:
            InvalidInputError: if it cannot have one.

        """
        pair = self._pairs.pair(index)
        content, candidates = pair.content, self._candidates(pair)
        if not candidates:
            raise InvalidInputError(f"placebo: pair {index} has no benign style that the rules allow")
        style = candidates[draw(self._seed, "placebo-style", index) % len(candidates)]
        return Pair(index, content, style, placebo=True)

    def _candidates(self, pair: Pair) -> tuple[Film, ...]:
        if self._instead is not None:
            style = self._instead(pair.style)
            return () if style is None else (style,)
        return tuple(style for style in self._styles if may_be_paired(pair.content, style, self._pairing, self._alike))


def may_be_paired(content: Film, style: Film, pairing: Pairing, alike: Alike | None = None) -> bool:
    """Whether a style may serve a content: never the same patient's, as the rules say, and alike enough."""
    same_kind = (style.source, style.view) == (content.source, content.view)
    if style.patient_id == content.patient_id or not (same_kind or pairing.style == "uniform"):
        return False
    return alike is None or alike(content, style)


def _drawable(films: Sequence[Film], label: Label, split: Split) -> tuple[Film, ...]:
    found = tuple(
        sorted(
            (film for film in films if film.split is split and film.label is label),
            key=lambda film: film.image_id,
        )
    )
    if not found:
        raise DatasetError(f"split {split}: found no {label} film, needed one or more")
    return found
