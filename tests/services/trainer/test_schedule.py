import numpy as np
import pytest

from services.trainer.schedule import Schedule, batches, constant, cosine_decay, is_better


def test_a_single_left_over_film_joins_the_batch_before_it():
    assert [len(batch) for batch in batches(np.arange(9), batch_size=4)] == [4, 5]
    assert [len(batch) for batch in batches(np.arange(10), batch_size=4)] == [4, 4, 2]
    assert [len(batch) for batch in batches(np.arange(3), batch_size=4)] == [3]


def test_cosine_decay_begins_and_ends_at_its_rates():
    rate = cosine_decay(0.1, 0.0001)
    assert rate(0) == pytest.approx(0.1)
    assert rate(0.5) == pytest.approx((0.1 + 0.0001) / 2)
    assert rate(1) == pytest.approx(0.0001)


@pytest.mark.parametrize(
    ("options", "watched"),
    [
        ({}, None),
        ({"patience": 3}, "validation_loss"),
        ({"keep": "validation_auc"}, "validation_auc"),
        ({"keep": "validation_auc", "patience": 3}, "validation_auc"),
    ],
    ids=["last", "patience", "best", "both"],
)
def test_what_is_watched_follows_from_what_is_kept(options: dict, watched: str | None):
    schedule = Schedule(epochs=1, batch_size=1, seed=0, learning_rate=constant(1.0), **options)
    assert schedule.watched == watched


def test_losses_are_better_when_lower_and_areas_when_higher():
    assert is_better("validation_loss", 1.0, 2.0)
    assert is_better("validation_auc", 2.0, 1.0)
    assert not is_better("validation_loss", 1.0, 1.0)
    assert not is_better("validation_auc", 1.0, 1.0)
