"""Contact sheets: what a recipe makes of the first few contents, over its steps, beside its placebo, for people's eyes.

One sheet a recipe. Each content has four rows: content, malignant style and the results over steps; what changed; the
benign style of the placebo twin and its results; what changed. All differences of a sheet are amplified alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from services.orchestrator.contact_sheet import (
    BAD,
    DIM,
    GOOD,
    TEXT,
    Cell,
    as_png,
    breast_box,
    enlarge,
    enlarge_mask,
    lay_out,
)
from services.orchestrator.decision import Thresholds, TrialResult, judge
from services.orchestrator.sampler import Pair
from services.orchestrator.tuning.grid import recipe_name
from services.orchestrator.tuning.records import Look, SweepFolder, file_name
from services.orchestrator.tuning.sweep import Contents, Sweep
from shared.files import write_atomically
from shared.images import Film, Mask
from shared.pictures import choose_amplification, choose_window, difference_picture, film_picture
from shared.recipe import Recipe, Region


@dataclass(frozen=True)
class Shown:
    """One arm of one content: its films over steps."""

    pair: Pair
    content: Film
    mask: Mask
    style: Film
    style_mask: Mask
    results: dict[int, tuple[Film | None, Look]]
    """By steps; missing where the optimisation left the numbers. None is a film that was not kept."""


def draw_sheets(sweep: Sweep, contents: Contents, folder: SweepFolder) -> int:
    """Draw a sheet for each recipe of a finished sweep; returns how many were drawn."""
    pictured = contents.pairs[: sweep.pictures]
    if not pictured:
        return 0
    probabilities = {image_id: scores.probability for image_id, scores in folder.contents().items()}
    for recipe in sweep.recipes:
        shown = [_read(sweep, folder, recipe, pair) for twins in pictured for pair in twins]
        sheet = draw(recipe, shown, sweep.steps, sweep.thresholds, probabilities)
        write_atomically(folder.path / "sheets" / f"{recipe_name(recipe)}.png", as_png(sheet))
    return len(sweep.recipes)


def draw(
    recipe: Recipe,
    shown: Sequence[Shown],
    steps: Sequence[int],
    thresholds: Thresholds,
    probabilities: dict[str, float],
) -> Image.Image:
    """Draw one sheet.

    Args:
        recipe: what made the films.
        shown: arms of the contents, in the order of their rows.
        steps: at which films are shown, ascending.
        thresholds: what the gates demand.
        probabilities: of malignancy, of each content, by image_id.

    """
    differences = [film - item.content for item in shown for film, _ in item.results.values() if film is not None]
    amplification = choose_amplification(differences)
    rows_of_film, columns_of_film = shown[0].content.shape
    # The whole film is shown where all of it may change.
    masks = [mask for item in shown for mask in (item.mask, item.style_mask)]
    box = (0, 0, columns_of_film, rows_of_film) if recipe.region is Region.FILM else breast_box(masks)
    rows = []
    for item in shown:
        rows += _rows(item, steps, thresholds, probabilities, amplification)
    title = (
        f"{recipe.region}, content {recipe.content_layer}, style {', '.join(recipe.style_layers)}, weights "
        f"{recipe.content_weight:g} : {recipe.style_weight:g}, {recipe.optimizer}"
    )
    gates = (
        f"accepted: anomaly up to {thresholds.anomaly:.3g}, P(malignant) from {thresholds.classifier:.2f}, moved more "
        f"than {thresholds.minimum_change:g}; differences x {amplification}, orange brighter, blue darker"
    )
    return lay_out(rows, box, (title, gates))


def _read(sweep: Sweep, folder: SweepFolder, recipe: Recipe, pair: Pair) -> Shown:
    name = file_name(pair.index, placebo=pair.placebo)
    record = folder.read(recipe_name(recipe), name)
    kept = {look.steps: (folder.film(recipe_name(recipe), name, look.steps), look) for look in record.looks}
    dataset = sweep.dataset
    return Shown(
        pair,
        enlarge(dataset.pixels(pair.content.image_id)),
        enlarge_mask(dataset.mask(pair.content.image_id)),
        enlarge(dataset.pixels(pair.style.image_id)),
        enlarge_mask(dataset.mask(pair.style.image_id)),
        {steps: (None if film is None else enlarge(film), look) for steps, (film, look) in kept.items()},
    )


def _rows(
    item: Shown, steps: Sequence[int], thresholds: Thresholds, probabilities: dict[str, float], amplification: int
) -> list[list[Cell]]:
    """A row of films, and a row of what changed under it."""
    window = choose_window(item.content, item.mask)
    pair = item.pair
    kind = "benign style: placebo" if pair.placebo else "malignant style"
    probability = probabilities.get(pair.content.image_id, float("nan"))
    content = Cell(
        film_picture(item.content, window),
        ((pair.content.image_id, TEXT), (f"content, benign, P {probability:.2f}", DIM)),
    )
    style = Cell(
        film_picture(item.style, choose_window(item.style, item.style_mask)),
        ((pair.style.image_id, TEXT), (kind, BAD if pair.placebo else DIM)),
    )
    films, changes = [Cell(None) if pair.placebo else content, style], [Cell(None), Cell(None)]
    for number in steps:
        found = item.results.get(number)
        if found is None:
            films.append(Cell(None, ((f"{number} steps", TEXT), ("diverged", BAD))))
            changes.append(Cell(None))
            continue
        film, look = found
        if film is None:
            films.append(Cell(None, (*_judged(look, thresholds), ("film not kept", DIM))))
            changes.append(Cell(None))
            continue
        films.append(Cell(film_picture(film, window), _judged(look, thresholds)))
        changed = difference_picture(film - item.content, amplification).convert("RGB")
        changes.append(Cell(changed, ((f"moved {look.mean_absolute_change:.4f}", DIM),)))
    return [films, changes]


def _judged(look: Look, thresholds: Thresholds) -> tuple[tuple[str, str], ...]:
    reasons = judge(TrialResult(1, look.scores, look.mean_absolute_change), thresholds)
    said = ", ".join(reason.replace("_", " ") for reason in reasons)
    scores = f"P {look.scores.probability:.2f}, anomaly {look.scores.anomaly:.3f}"
    return (
        (f"{look.steps} steps: {scores}", TEXT),
        ("accepted", GOOD) if not reasons else (said, BAD),
    )
