"""Contact sheets: what a recipe makes of the first few contents, over its steps, beside its placebo, for people's eyes.

One sheet a recipe. Each content has four rows: content, malignant style and the results over steps; what changed; the
benign style of the placebo twin and its results; what changed. All differences of a sheet are amplified alike.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from services.orchestrator.decision import Thresholds, TrialResult, judge
from services.orchestrator.sampler import Pair
from services.orchestrator.tuning.grid import recipe_name
from services.orchestrator.tuning.records import Look, SweepFolder, file_name
from services.orchestrator.tuning.sweep import Contents, Sweep
from shared.files import write_atomically
from shared.images import Film, Mask, resize_film, resize_mask
from shared.pictures import choose_amplification, choose_window, difference_picture, film_picture
from shared.recipe import Recipe, Region

_SIDE = 256
"""Films are brought to this size, in pixels, where they are not larger."""
_GAP, _LINE, _HEADER = 6, 16, 44
_BACKGROUND, _TEXT, _DIM, _GOOD, _BAD = "#16181c", "#e8e8e8", "#9aa0a8", "#6fdc8c", "#ff8a80"

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""


@dataclass(frozen=True)
class Cell:
    """A picture with lines of text under it; None leaves its place empty."""

    picture: Image.Image | None
    lines: tuple[tuple[str, str], ...] = ()
    """Text and colour."""


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
        buffer = io.BytesIO()
        sheet.save(buffer, format="PNG", optimize=True)
        write_atomically(folder.path / "sheets" / f"{recipe_name(recipe)}.png", buffer.getvalue())
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
    box = _box(shown, whole=recipe.region is Region.FILM)
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
    return _lay_out(rows, box, (title, gates))


def _read(sweep: Sweep, folder: SweepFolder, recipe: Recipe, pair: Pair) -> Shown:
    name = file_name(pair.index, placebo=pair.placebo)
    record = folder.read(recipe_name(recipe), name)
    kept = {look.steps: (folder.film(recipe_name(recipe), name, look.steps), look) for look in record.looks}
    dataset = sweep.dataset
    return Shown(
        pair,
        _large(dataset.pixels(pair.content.image_id)),
        _large_mask(dataset.mask(pair.content.image_id)),
        _large(dataset.pixels(pair.style.image_id)),
        _large_mask(dataset.mask(pair.style.image_id)),
        {steps: (None if film is None else _large(film), look) for steps, (film, look) in kept.items()},
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
        ((pair.content.image_id, _TEXT), (f"content, benign, P {probability:.2f}", _DIM)),
    )
    style = Cell(
        film_picture(item.style, choose_window(item.style, item.style_mask)),
        ((pair.style.image_id, _TEXT), (kind, _BAD if pair.placebo else _DIM)),
    )
    films, changes = [Cell(None) if pair.placebo else content, style], [Cell(None), Cell(None)]
    for number in steps:
        found = item.results.get(number)
        if found is None:
            films.append(Cell(None, ((f"{number} steps", _TEXT), ("diverged", _BAD))))
            changes.append(Cell(None))
            continue
        film, look = found
        if film is None:
            films.append(Cell(None, (*_judged(look, thresholds), ("film not kept", _DIM))))
            changes.append(Cell(None))
            continue
        films.append(Cell(film_picture(film, window), _judged(look, thresholds)))
        changed = difference_picture(film - item.content, amplification).convert("RGB")
        changes.append(Cell(changed, ((f"moved {look.mean_absolute_change:.4f}", _DIM),)))
    return [films, changes]


def _judged(look: Look, thresholds: Thresholds) -> tuple[tuple[str, str], ...]:
    reasons = judge(TrialResult(1, look.scores, look.mean_absolute_change), thresholds)
    said = ", ".join(reason.replace("_", " ") for reason in reasons)
    scores = f"P {look.scores.probability:.2f}, anomaly {look.scores.anomaly:.3f}"
    return (
        (f"{look.steps} steps: {scores}", _TEXT),
        ("accepted", _GOOD) if not reasons else (said, _BAD),
    )


def _lay_out(rows: Sequence[Sequence[Cell]], box: Box, header: tuple[str, str]) -> Image.Image:
    left, top, right, bottom = box
    width, height = max(right - left, 200), bottom - top
    columns = max(len(row) for row in rows)
    lines = [max(len(cell.lines) for cell in row) for row in rows]
    sheet = Image.new(
        "RGB",
        (
            columns * (width + _GAP) + _GAP,
            _HEADER + sum(height + count * _LINE + _GAP for count in lines) + _GAP,
        ),
        _BACKGROUND,
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for number, text in enumerate(header):
        pen.text((_GAP, _GAP + number * _LINE), text, fill=_TEXT if number == 0 else _DIM, font=font)
    y = _HEADER
    for row, count in zip(rows, lines, strict=True):
        for column, cell in enumerate(row):
            x = _GAP + column * (width + _GAP)
            if cell.picture is not None:
                sheet.paste(cell.picture.crop(box), (x, y))
            for line, (text, colour) in enumerate(cell.lines):
                pen.text((x, y + height + line * _LINE), _shortened(text, width, font), fill=colour, font=font)
        y += height + count * _LINE + _GAP
    return sheet


def _shortened(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while text and font.getlength(text) > width:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
    return text


def _box(shown: Sequence[Shown], *, whole: bool) -> Box:
    """What all breasts of a sheet lie in; the whole film where all of it may change."""
    rows, columns = shown[0].content.shape
    if whole:
        return (0, 0, columns, rows)
    union: npt.NDArray[np.bool_] = np.logical_or.reduce(
        [mask for item in shown for mask in (item.mask, item.style_mask)]
    )
    down, across = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
    left, top = max(0, int(across[0]) - _GAP), max(0, int(down[0]) - _GAP)
    return (left, top, min(columns, int(across[-1]) + _GAP + 1), min(rows, int(down[-1]) + _GAP + 1))


def _large(film: Film) -> Film:
    side = max(_SIDE, film.shape[0])
    return resize_film(film, side, side)


def _large_mask(mask: Mask) -> Mask:
    side = max(_SIDE, mask.shape[0])
    return resize_mask(mask, side, side)
