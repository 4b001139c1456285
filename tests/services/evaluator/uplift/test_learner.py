"""The training loop of all arms."""

import numpy as np
import pytest
import torch
from torch import nn

from services.evaluator.uplift.arms import TrainingSet
from services.evaluator.uplift.learner import Budget, Learnt, draw, fit, scores
from shared.errors import NumericalError
from shared.roc import area_under_curve

MALIGNANT = np.arange(60) % 2 == 1
FEATURES = torch.from_numpy((np.random.default_rng(0).normal(size=(60, 4)) + MALIGNANT[:, None]).astype(np.float32))
BENIGN, REAL = np.flatnonzero(~MALIGNANT[:40]), np.flatnonzero(MALIGNANT[:40])


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear(features)[:, 0]


def training(*, balanced: bool = True, augmented: bool = False) -> TrainingSet:
    return TrainingSet(BENIGN, REAL[:4], REAL[4:6], balanced, augmented)


def budget(**changes: float) -> Budget:
    return Budget(
        **({"updates": 40, "batch_size": 16, "learning_rate": 0.1, "weight_decay": 0.0, "watches": 4} | changes)
    )


def fitted(seed: int = 0, **changes: float) -> tuple[Learnt, list[int]]:
    """A fit, and how many films it was shown to learn from, batch by batch."""
    shown = []

    def show(films: np.ndarray, update: int, generator: np.random.Generator | None) -> tuple[torch.Tensor]:
        if update:
            shown.append(len(films))
        return (FEATURES[films],)

    torch.manual_seed(seed)
    validation, test = np.arange(40, 50), np.arange(50, 60)
    learnt = fit(
        Head(), training(), show, MALIGNANT, validation=validation, test=test, budget=budget(**changes), seed=seed
    )
    return learnt, shown


def test_a_budget_is_so_many_updates_whatever_the_arm_holds():
    assert fitted()[1] == [16] * 40


def test_equal_seeds_give_equal_scores_and_other_seeds_others():
    one, again, other = fitted()[0], fitted()[0], fitted(seed=1)[0]
    assert one.test_scores.tolist() == again.test_scores.tolist()
    assert one.test_scores.tolist() != other.test_scores.tolist()


def test_the_best_watched_state_is_kept():
    """A rate that throws the head about: what is kept is no worse than any state that was watched."""
    long = fitted(updates=40, watches=20, learning_rate=3.0)[0]
    assert long.kept_update % 2 == 0
    assert long.validation_auc >= fitted(updates=40, watches=1, learning_rate=3.0)[0].validation_auc


def test_classes_are_drawn_evenly_unless_the_arm_is_the_plain_one():
    generator = np.random.default_rng(0)
    balanced = draw(training(), 400, generator)
    assert MALIGNANT[balanced].mean() == 0.5
    assert set(balanced[200:].tolist()) == {*REAL[:6].tolist()}
    plain = draw(training(balanced=False), 4000, generator)
    assert MALIGNANT[plain].mean() == pytest.approx(6 / 26, abs=0.03)


def test_only_an_augmented_arm_is_given_a_generator():
    seen: set[bool] = set()

    def show(films: np.ndarray, update: int, generator: np.random.Generator | None) -> tuple[torch.Tensor]:
        seen.add(generator is not None and update > 0)
        return (FEATURES[films],)

    held = np.arange(40, 60)
    for augmented in (False, True):
        seen.clear()
        arm = training(augmented=augmented)
        fit(Head(), arm, show, MALIGNANT, validation=held, test=held, budget=budget(updates=2), seed=0)
        assert seen == ({False, True} if augmented else {False})


def test_scores_do_not_depend_on_the_batch():
    head = Head()

    def show(films: np.ndarray, update: int, generator: np.random.Generator | None) -> tuple[torch.Tensor]:
        return (FEATURES[films],)

    one, other = (scores(head, show, np.arange(60), size) for size in (7, 60))
    np.testing.assert_allclose(one, other, rtol=1e-6)
    assert 0 <= area_under_curve(MALIGNANT, one) <= 1


def test_a_loss_that_is_no_number_ends_the_fit():
    def show(films: np.ndarray, update: int, generator: np.random.Generator | None) -> tuple[torch.Tensor]:
        return (torch.full((len(films), 4), torch.inf),)

    with pytest.raises(NumericalError, match="--learning-rate"):
        fit(
            Head(),
            training(),
            show,
            MALIGNANT,
            validation=np.arange(40, 60),
            test=np.arange(2),
            budget=budget(),
            seed=0,
        )
