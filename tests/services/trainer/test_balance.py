import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from services.trainer.balance import balanced_order, class_weights

LABELS = np.array([True, False, False, False, True, False, False, False, False, False, False])


def test_class_weights_are_scikit_learns_balanced_ones():
    np.testing.assert_allclose(class_weights(LABELS), compute_sample_weight("balanced", LABELS))
    assert class_weights(LABELS).mean() == pytest.approx(1)


def test_half_of_each_class_is_drawn_and_the_rare_one_evenly():
    order = balanced_order(LABELS, np.random.default_rng(0))
    assert len(order) == len(LABELS)
    counts = np.bincount(order, minlength=len(LABELS))
    assert sorted(counts[LABELS]) == [2, 3]
    assert counts[~LABELS].sum() == 6
    assert counts[~LABELS].max() == 1


def test_an_epoch_is_drawn_by_its_generator():
    one, again, other = (balanced_order(LABELS, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.parametrize("malignant", [True, False])
def test_one_class_cannot_be_balanced(malignant: bool):
    labels = np.full(4, malignant)
    with pytest.raises(ValueError, match="both classes"):
        class_weights(labels)
    with pytest.raises(ValueError, match="both classes"):
        balanced_order(labels, np.random.default_rng(0))
