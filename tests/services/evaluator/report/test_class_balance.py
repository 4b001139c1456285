from pathlib import Path

from services.evaluator.report.class_balance import ClassCount, class_balance
from shared.dataset import Dataset
from tests.services.evaluator.run_writer import write_dataset


def test_one_source_is_counted_once_and_accepted_films_stand_on_the_malignant_side(dataset: Dataset) -> None:
    source, before, after = class_balance(dataset, 4)
    assert (source.name, source.benign, source.malignant, source.total) == ("phantom", 3, 2, 5)
    assert (before.benign, before.malignant, before.synthetic, before.malignant_share) == (3, 2, 0, 0.4)
    assert (after.benign, after.malignant, after.synthetic, after.malignant_share) == (3, 2, 4, 6 / 9)


def test_films_of_the_test_split_are_none_to_train_with(tmp_path: Path) -> None:
    source, before, _ = class_balance(write_dataset(tmp_path, styles=4, test_styles=3), 0)
    assert (source.malignant, before.malignant) == (4, 1)


def test_several_sources_are_added_up(tmp_path: Path) -> None:
    several = write_dataset(tmp_path, contents=3, styles=2, sources=("clinic", "archive"))
    rows = class_balance(several, 0)
    assert [(row.name, row.benign, row.malignant) for row in rows[:3]] == [
        ("archive", 1, 1),
        ("clinic", 2, 1),
        ("All sources", 3, 2),
    ]
    assert ClassCount("", "", 0, 0).malignant_share == 0.0
