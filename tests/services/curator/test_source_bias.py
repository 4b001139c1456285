from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from services.curator.source_bias import source_and_subset, source_auc, source_of
from shared.dataset import Film, Label, Laterality, Origin, Split


def make_films(counts: dict[tuple[str, str], tuple[int, int]]) -> list[Film]:
    """Films by source and subset: how many are benign, how many malignant."""
    origin = Origin(path="x", rows=9, columns=9, crop_box=(0, 0, 9, 9), scale=1, mirrored=False, padding=(0, 0, 0, 0))
    labels = [
        (source, subset, label)
        for (source, subset), numbers in counts.items()
        for label, number in zip((Label.BENIGN, Label.MALIGNANT), numbers, strict=True)
        for _ in range(number)
    ]
    return [
        Film(
            f"film{index}",
            f"P{index}",
            source,
            Laterality.LEFT,
            "CC",
            label.upper(),
            label,
            Split.TRAIN,
            "",
            origin,
            subset=subset,
        )
        for index, (source, subset, label) in enumerate(labels)
    ]


def roc_auc(films: Sequence[Film]) -> float:
    shares = {
        film.source: np.mean([other.label is Label.MALIGNANT for other in films if other.source == film.source])
        for film in films
    }
    return float(roc_auc_score([film.label is Label.MALIGNANT for film in films], [shares[f.source] for f in films]))


@pytest.mark.parametrize(
    "counts",
    [{"A": (30, 10), "B": (5, 40)}, {"A": (20, 20), "B": (7, 7)}, {"A": (9, 0), "B": (3, 3), "C": (1, 8), "D": (2, 2)}],
    ids=["one says much", "equal shares", "four sources, two alike"],
)
def test_the_area_is_that_of_the_share_of_malignant_films_as_a_score(counts: dict[str, tuple[int, int]]) -> None:
    films = make_films({(source, ""): numbers for source, numbers in counts.items()})
    assert source_auc(films, by=source_of) == pytest.approx(roc_auc(films))


@pytest.mark.parametrize("numbers", [(0, 5), (5, 0)], ids=["malignant only", "benign only"])
def test_one_class_cannot_be_predicted(numbers: tuple[int, int]) -> None:
    assert source_auc(make_films({("A", ""): numbers, ("B", ""): numbers}), by=source_of) == 0.5


def test_a_source_may_hide_what_its_parts_give_away() -> None:
    # The true numbers of CMMD's breasts.
    films = make_films({("cmmd", "D1"): (544, 563), ("cmmd", "D2"): (12, 753)})
    assert source_auc(films, by=source_of) == 0.5
    assert source_auc(films, by=source_and_subset) == pytest.approx(0.775, abs=0.001)
