"""How well the place that a film comes from predicts its label: what a model could learn instead of the breast."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from shared.dataset import Film, Label

# What a shuffled label would seldom give with a hundred films or more.
MOST_AUC_FROM_SOURCE = 0.6


def source_auc(films: Sequence[Film], *, by: Callable[[Film], Hashable]) -> float:
    """Area under the ROC curve of a guess that knows each film's source, and each source's share of malignant films.

    Args:
        films: of one class or both.
        by: what is known of a film: its source, or source and part of it.

    Returns:
        0.5 where the source says nothing or there is one class only, 1 where it says everything.

    """
    counts: dict[Hashable, Counter[Label]] = {}
    for film in films:
        counts.setdefault(by(film), Counter())[film.label] += 1
    benign = sum(own[Label.BENIGN] for own in counts.values())
    malignant = sum(own[Label.MALIGNANT] for own in counts.values())
    if not benign or not malignant:
        return 0.5
    # Pairs of a malignant and a benign film that are in the right order; ties count half.
    right, below = 0.0, 0
    for own in sorted(counts.values(), key=lambda own: own[Label.MALIGNANT] / own.total()):
        right += own[Label.MALIGNANT] * (below + own[Label.BENIGN] / 2)
        below += own[Label.BENIGN]
    return right / (benign * malignant)


def source_of(film: Film) -> str:
    """Archive or clinic that a film comes from."""
    return film.source


def source_and_subset(film: Film) -> tuple[str, str]:
    """Source of a film and the part of it."""
    return film.source, film.subset
