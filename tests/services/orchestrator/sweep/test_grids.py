"""Grids, from films that were made for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from services.orchestrator.configuration import SweepConfiguration
from services.orchestrator.point import Point
from services.orchestrator.sweep.grids import AcrossPairs, axis_grid
from services.orchestrator.sweep.outcome import Original, Outcome
from services.orchestrator.sweep.pairs import SweptPair
from services.orchestrator.sweep.records import Shown
from services.orchestrator.sweep.settings import Axis, Setting, make_settings
from shared.dataset import Label
from shared.record import Scores
from tests.services.orchestrator.made import film

SIDE = 256
ROWS, COLUMNS = np.indices((SIDE, SIDE))
MASK = (ROWS - 128) ** 2 + COLUMNS**2 < 100**2
FILM = np.where(MASK, 0.4 + 0.1 * np.sin(ROWS / 9), 0).astype(np.float32)
SETTINGS = make_settings(SweepConfiguration(dataset=Path("films"), output=Path("out")))
THRESHOLDS = {"anomaly": 0.5, "classifier": 0.7}
GREEN, RED = (111, 220, 140), (255, 138, 128)


def outcome(scores: Scores | None, *, missing: int = 0, settings: tuple[Setting, ...] = SETTINGS) -> Outcome:
    point = Point(steps=1, evaluations=1, loss=1.0, content_loss=0.5, style_loss=0.5, mean_absolute_change=0.05)
    brighter = np.where(MASK, FILM + 0.05, 0).astype(np.float32)
    return Outcome(
        pair=SweptPair(film("b1", Label.BENIGN), film("m1", Label.MALIGNANT)),
        content=Original("b1", "benign", FILM, MASK, None),
        style=Original("m1", "malignant", FILM, MASK, None),
        results={setting: (brighter, Shown(point=point, scores=scores, sha256="")) for setting in settings[missing:]},
        trajectories={},
    )


def grid(found: Outcome, axis: Axis, settings: tuple[Setting, ...] = SETTINGS) -> np.ndarray:
    return np.asarray(axis_grid(found, settings, axis, THRESHOLDS))


def coloured(pixels: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((pixels == colour).all(axis=-1).sum())


def orange(pixels: np.ndarray) -> int:
    return int(((pixels[..., 0] > 150) & (pixels[..., 2] < 110) & (pixels[..., 0] > pixels[..., 1] + 40)).sum())


def test_each_axis_has_all_its_values_with_what_changed_for_both_optimisers() -> None:
    for axis, count in ((Axis.STEPS, 6), (Axis.CONTENT_WEIGHT, 5), (Axis.CONTENT_LAYER, 5)):
        pixels = grid(outcome(None), axis)
        assert pixels.shape[1] >= (2 + count) * SIDE
        assert orange(pixels) > 2 * count * 0.9 * MASK.sum()
        assert orange(pixels) < 2 * count * 1.1 * MASK.sum()


def test_scores_are_coloured_by_the_gates_own_thresholds() -> None:
    passing, failing = Scores(anomaly=0.4, probability=0.8, logit=1.4), Scores(anomaly=0.6, probability=0.6, logit=0.4)
    assert coloured(grid(outcome(passing), Axis.STEPS), GREEN) > 0
    assert coloured(grid(outcome(passing), Axis.STEPS), RED) == 0
    assert coloured(grid(outcome(failing), Axis.STEPS), GREEN) == 0
    assert coloured(grid(outcome(failing), Axis.STEPS), RED) > 0
    assert coloured(grid(outcome(None), Axis.STEPS), GREEN) == coloured(grid(outcome(None), Axis.STEPS), RED) == 0


def test_a_result_that_left_the_numbers_is_an_empty_place_that_says_so() -> None:
    whole, partly = grid(outcome(None), Axis.STEPS), grid(outcome(None, missing=1), Axis.STEPS)
    assert partly.shape == whole.shape
    assert coloured(partly, RED) > 0
    assert orange(partly) < orange(whole)


def test_black_around_the_breasts_is_cut_off_where_it_cannot_have_changed() -> None:
    breast = make_settings(SweepConfiguration(dataset=Path("films"), output=Path("out"), region="breast"))
    assert grid(outcome(None, settings=breast), Axis.STEPS, breast).shape[0] < grid(outcome(None), Axis.STEPS).shape[0]


def test_pairs_stand_below_one_another_at_the_papers_300_steps() -> None:
    one, two = AcrossPairs(SETTINGS, THRESHOLDS), AcrossPairs(SETTINGS, THRESHOLDS)
    found = outcome(None)
    for across, count in ((one, 1), (two, 2)):
        for _ in range(count):
            across.add(found)
    low, high = np.asarray(one.draw()), np.asarray(two.draw())
    assert high.shape[0] > 1.8 * low.shape[0]
    assert low.shape[1] >= 6 * SIDE
    elsewhere = {setting: item for setting, item in found.results.items() if setting.recipe.steps != 300}
    empty = AcrossPairs(SETTINGS, THRESHOLDS)
    empty.add(replace(found, results=elsewhere))
    assert coloured(np.asarray(empty.draw()), RED) > 0
    assert orange(np.asarray(empty.draw())) < 0.1 * MASK.sum()
