import numpy as np
import pytest

from services.trainer.folds import patient_folds
from shared.errors import ConfigurationError

PATIENTS = np.repeat([f"p{i:02d}" for i in range(30)], 2)
LABELS = np.repeat(np.arange(30) % 3 == 0, 2)


def test_folds_never_share_a_patient_and_cover_every_film_once():
    parts = patient_folds(LABELS, PATIENTS, folds=5, seed=1)
    for rest, part in parts:
        assert not set(PATIENTS[rest]) & set(PATIENTS[part])
        assert sorted([*rest, *part]) == list(range(60))
    assert sorted(np.concatenate([part for _, part in parts])) == list(range(60))


def test_folds_keep_the_balance_of_the_classes():
    for _, part in patient_folds(LABELS, PATIENTS, folds=5, seed=1):
        assert LABELS[part].mean() == pytest.approx(1 / 3)


def test_equal_seeds_give_equal_folds_and_others_do_not():
    first, again, other = (
        [part.tolist() for _, part in patient_folds(LABELS, PATIENTS, folds=5, seed=seed)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("folds", [1, 11], ids=["one", "more-than-malignant-patients"])
def test_folds_that_cannot_be_are_refused_with_the_count_of_patients(folds: int):
    with pytest.raises(ConfigurationError, match=f"folds: {folds} asked for, with 10 patients that have malignant"):
        patient_folds(LABELS, PATIENTS, folds=folds, seed=0)
