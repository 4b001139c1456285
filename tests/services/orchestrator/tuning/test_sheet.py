"""Contact sheets, from films that were made for them."""

from dataclasses import replace

import numpy as np

from services.orchestrator.sampler import Pair
from services.orchestrator.tuning.records import Look
from services.orchestrator.tuning.sheet import Shown, draw
from shared.dataset import Label
from shared.recipe import Recipe, Region
from tests.services.orchestrator.made import BENIGN, KEPT, THRESHOLDS, film

SIDE = 256
ROWS, COLUMNS = np.indices((SIDE, SIDE))
MASK = (ROWS - 128) ** 2 + COLUMNS**2 < 100**2
FILM = np.where(MASK, 0.4 + 0.1 * np.sin(ROWS / 9), 0).astype(np.float32)


def look(steps: int, *, kept: bool) -> Look:
    scores = KEPT if kept else BENIGN
    return Look(
        steps=steps,
        evaluations=steps,
        loss=1.0,
        content_loss=0.5,
        style_loss=0.5,
        mean_absolute_change=0.02,
        scores=scores,
        sha256="",
    )


def shown(*, placebo: bool, steps: tuple[int, ...] = (10, 40)) -> Shown:
    style = film("b9", Label.BENIGN) if placebo else film("m1", Label.MALIGNANT)
    results = {
        number: (np.where(MASK, FILM + 0.05, 0).astype(np.float32), look(number, kept=not placebo)) for number in steps
    }
    return Shown(Pair(0, film("b1", Label.BENIGN), style, placebo=placebo), FILM, MASK, FILM, MASK, results)


def sheet(region: Region, *items: Shown) -> np.ndarray:
    return np.asarray(draw(Recipe(region=region), items, (10, 40), THRESHOLDS, {"b1": 0.1}))


def coloured(pixels: np.ndarray, colour: str) -> int:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((pixels == wanted).all(axis=-1).sum())


def test_a_sheet_has_a_row_of_films_and_a_row_of_changes_for_both_styles() -> None:
    one = sheet(Region.BREAST, shown(placebo=False))
    both = sheet(Region.BREAST, shown(placebo=False), shown(placebo=True))
    assert both.shape[1] == one.shape[1]
    assert both.shape[0] > 1.8 * one.shape[0]
    # orange where the results are brighter than the content, and nowhere else
    orange = (both[..., 0] > 150) & (both[..., 2] < 110) & (both[..., 0] > both[..., 1] + 40)
    assert orange.sum() > 4 * 0.9 * MASK.sum()


def test_accepted_is_green_and_the_reasons_of_a_rejection_are_red() -> None:
    accepted, rejected = sheet(Region.BREAST, shown(placebo=False)), sheet(Region.BREAST, shown(placebo=True))
    assert coloured(accepted, "#6fdc8c") > 0
    assert coloured(accepted, "#ff8a80") == 0
    assert coloured(rejected, "#6fdc8c") == 0
    assert coloured(rejected, "#ff8a80") > 0


def test_a_result_that_left_the_numbers_is_an_empty_place_that_says_so() -> None:
    whole, partly = shown(placebo=False), shown(placebo=False, steps=(10,))
    assert sheet(Region.BREAST, partly).shape == sheet(Region.BREAST, whole).shape
    assert coloured(sheet(Region.BREAST, partly), "#ff8a80") > 0


def test_a_film_that_was_not_kept_is_an_empty_place_that_says_so() -> None:
    whole = shown(placebo=False)
    unkept = replace(whole, results={steps: (None, look) for steps, (_, look) in whole.results.items()})
    orange = sheet(Region.BREAST, unkept)
    assert coloured(orange, "#6fdc8c") > 0
    assert ((orange[..., 0] > 150) & (orange[..., 2] < 110)).sum() == 0


def test_black_around_the_breasts_is_cut_off_where_it_cannot_have_changed() -> None:
    breast, whole = sheet(Region.BREAST, shown(placebo=False)), sheet(Region.FILM, shown(placebo=False))
    assert breast.shape[0] < whole.shape[0]
    assert whole.shape[1] >= 4 * SIDE
