"""The pairs of a sweep: named by their films, or drawn from a split."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.orchestrator.configuration import SweepConfiguration
from services.orchestrator.policy import Pairing
from services.orchestrator.sampler import Sampler
from shared.dataset import Dataset, Film, Label, Split
from shared.errors import ConfigurationError, DatasetError, NotFoundError


@dataclass(frozen=True)
class SweptPair:
    """A film that is changed, and one whose texture is taken; of whatever label where they were named."""

    content: Film
    style: Film

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.content.image_id}+{self.style.image_id}"


def choose_pairs(dataset: Dataset, configuration: SweepConfiguration) -> tuple[SweptPair, ...]:
    """Find the pairs that were named, or draw as many as were asked for.

    Raises:
        ConfigurationError: if a pair is not written as it should be, or stands there twice.
        NotFoundError: if the data set has no such film.
        DatasetError: if a film is of the split `test`, or the split has too few films to draw from.

    """
    if configuration.pairs:
        return _named(dataset, configuration.pairs)
    return _drawn(dataset, configuration)


def _named(dataset: Dataset, texts: Sequence[str]) -> tuple[SweptPair, ...]:
    found: list[SweptPair] = []
    for text in texts:
        content, colon, style = text.partition(":")
        if not (content and colon and style) or ":" in style:
            raise ConfigurationError(f"--pairs: found {text!r}, needed CONTENT:STYLE, the ids of two films")
        pair = SweptPair(_film(dataset, content), _film(dataset, style))
        if pair.content == pair.style:
            raise ConfigurationError(f"--pairs: found {text!r}, needed two different films")
        if pair in found:
            raise ConfigurationError(f"--pairs: found {text!r} twice, needed each pair once")
        found.append(pair)
    return tuple(found)


def _film(dataset: Dataset, image_id: str) -> Film:
    try:
        film = dataset.film(image_id)
    except NotFoundError as error:
        raise NotFoundError(f"--pairs: {error.message}") from error
    if film.split is Split.TEST:
        raise DatasetError(f"--pairs: found {image_id!r}, a film of the split test, needed one of another split")
    return film


def _drawn(dataset: Dataset, configuration: SweepConfiguration) -> tuple[SweptPair, ...]:
    split = Split(configuration.split)
    pairing = Pairing(content="shuffled", style=configuration.style)
    sampler = Sampler(dataset.films, pairing, seed=configuration.seed, split=split)
    there = len(dataset.select(split=split, label=Label.BENIGN)) - sampler.left_out
    if configuration.draw > there:
        raise DatasetError(
            f"{dataset.path}, split {split}: found {there} benign films that a malignant one may be the style of, "
            f"needed {configuration.draw} (--draw)"
        )
    pairs = (sampler.pair(index) for index in range(configuration.draw))
    return tuple(SweptPair(pair.content, pair.style) for pair in pairs)
