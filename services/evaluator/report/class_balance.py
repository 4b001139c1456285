"""How many films of each class there are, by source, and what a run adds (the paper's Figure 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.dataset import Dataset, Label, Split

_FOR_TRAINING = (Split.TRAIN, Split.GENERATION)


@dataclass(frozen=True)
class ClassCount:
    """Films of one row of the figure."""

    name: str
    remark: str
    benign: int
    malignant: int
    synthetic: int = 0
    """Accepted films, which stand on the malignant side."""

    @property
    def total(self) -> int:
        """All films of the row."""
        return self.benign + self.malignant + self.synthetic

    @property
    def malignant_share(self) -> float:
        """Malignant films, synthetic ones with them, of all; 0 to 1."""
        return (self.malignant + self.synthetic) / self.total if self.total else 0.0


def class_balance(dataset: Dataset, accepted: int) -> list[ClassCount]:
    """Count films by source, all together, and of what a classifier may be trained on, before and after balancing.

    Args:
        dataset: that the run was made from.
        accepted: synthetic malignant films of the run.

    """
    sources = sorted({film.source for film in dataset.films})
    rows = [_row(dataset, source or "Unknown source", "", source=source) for source in sources]
    if len(sources) > 1:
        rows.append(_row(dataset, "All sources", ""))
    remark = "splits train and generation"
    before = _row(dataset, "For training, real films", remark, splits=_FOR_TRAINING)
    after = ClassCount("For training, with the accepted films", remark, before.benign, before.malignant, accepted)
    return [*rows, before, after]


def _row(
    dataset: Dataset, name: str, remark: str, *, source: str | None = None, splits: Sequence[Split] = tuple(Split)
) -> ClassCount:
    films = [film for film in dataset.films if film.split in splits and source in (None, film.source)]
    benign = sum(film.label is Label.BENIGN for film in films)
    return ClassCount(name, remark, benign, len(films) - benign)
