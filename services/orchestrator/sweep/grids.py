"""Grids of pictures after the paper's Figs. 4 to 9: content, style, what became of them, and what changed."""

from collections.abc import Sequence

from PIL import Image

from services.orchestrator.contact_sheet import (
    BAD,
    DIM,
    GOOD,
    TEXT,
    Box,
    Cell,
    breast_box,
    enlarge,
    enlarge_mask,
    lay_out,
)
from services.orchestrator.sweep.outcome import Original, Outcome
from services.orchestrator.sweep.settings import Axis, Setting
from shared.images import Film
from shared.pictures import Window, choose_amplification, choose_window, difference_picture, film_picture
from shared.recipe import Optimizer, Recipe, Region
from shared.record import Scores

_TITLES = {
    Axis.STEPS: "number of steps",
    Axis.CONTENT_WEIGHT: "content weight",
    Axis.CONTENT_LAYER: "layer that keeps the content",
}
_ACROSS_STEPS = 300
"""Steps at which pairs are shown beside one another, as in the paper's Fig. 9; the nearest of those compared."""

Line = tuple[str, str]
"""Text and colour."""


def axis_grid(outcome: Outcome, settings: Sequence[Setting], axis: Axis, thresholds: dict[str, float]) -> Image.Image:
    """Draw one axis of one pair: for each optimiser a row of films and a row of what changed.

    Args:
        outcome: the pair.
        settings: all of the sweep; those of the axis are shown, in their order.
        axis: what is varied.
        thresholds: by gate, what colours a score.

    """
    along = [setting for setting in settings if setting.axis is axis]
    rows: list[list[Cell]] = []
    for optimizer in dict.fromkeys(setting.recipe.optimizer for setting in along):
        row = [setting for setting in along if setting.recipe.optimizer is optimizer]
        rows += _optimizer_rows(outcome, row, thresholds, first=not rows)
    fixed = along[0].recipe
    header = (
        f"{outcome.content.image_id} in the style of {outcome.style.image_id}: {_TITLES[axis]}",
        f"{_fixed(fixed, axis)}; the {fixed.region} counts and may change; films of {outcome.content.film.shape[0]} px",
        _legend(thresholds),
    )
    return lay_out(rows, _box(outcome, fixed), header)


class AcrossPairs:
    """What one recipe makes of each pair: the paper's Fig. 9. Rows are drawn one after another, as memory is short."""

    def __init__(self, settings: Sequence[Setting], thresholds: dict[str, float]) -> None:
        self._thresholds = thresholds
        steps = [setting for setting in settings if setting.axis is Axis.STEPS]
        nearest = min(steps, key=lambda setting: abs(setting.recipe.steps - _ACROSS_STEPS)).recipe.steps
        self._shown = [setting for setting in steps if setting.recipe.steps == nearest]
        self._rows: list[list[Cell]] = []
        self._side = 0

    def add(self, outcome: Outcome) -> None:
        """Draw the row of a pair."""
        row = _originals(outcome, self._thresholds)
        for setting in self._shown:
            films, changes = _result(outcome, setting, self._thresholds, _amplification(outcome, [setting]))
            row += [Cell(films.picture, ((str(setting.recipe.optimizer), TEXT), *films.lines[1:])), changes]
        self._rows.append(row)
        self._side = enlarge(outcome.content.film).shape[0]

    def draw(self) -> Image.Image:
        """Draw all rows."""
        recipe = self._shown[0].recipe
        header = (
            f"One recipe, {len(self._rows)} pairs: {recipe.steps} steps, {_fixed(recipe, Axis.STEPS)}",
            _legend(self._thresholds),
        )
        return lay_out(self._rows, (0, 0, self._side, self._side), header)


def _optimizer_rows(
    outcome: Outcome, settings: Sequence[Setting], thresholds: dict[str, float], *, first: bool
) -> list[list[Cell]]:
    optimizer = settings[0].recipe.optimizer
    amplification = _amplification(outcome, settings)
    films, changes = [], []
    for setting in settings:
        film, change = _result(outcome, setting, thresholds, amplification)
        films.append(film)
        changes.append(change)
    name = Cell(None, ((f"{optimizer}", TEXT), (_OPTIMIZERS[optimizer], DIM)))
    left = _originals(outcome, thresholds) if first else [Cell(None), Cell(None)]
    return [[*left, *films], [name, Cell(None, ((f"difference x {amplification}", DIM),)), *changes]]


_OPTIMIZERS = {
    Optimizer.COMPAT: "pixels clamped within steps",
    Optimizer.UNCLAMPED: "pixels clamped at the end",
}


def _originals(outcome: Outcome, thresholds: dict[str, float]) -> list[Cell]:
    return [_original(outcome.content, "content", thresholds), _original(outcome.style, "style", thresholds)]


def _original(original: Original, role: str, thresholds: dict[str, float]) -> Cell:
    picture = film_picture(enlarge(original.film), _window(original))
    scores = _scored(original.scores, thresholds)
    return Cell(picture, ((original.image_id, TEXT), (f"{role}, {original.label}", DIM), *scores))


def _result(outcome: Outcome, setting: Setting, thresholds: dict[str, float], amplification: int) -> tuple[Cell, Cell]:
    said = f"{setting.value} steps" if setting.axis is Axis.STEPS else setting.value
    title = (f"{said}, {setting.recipe.optimizer}", TEXT)
    if setting not in outcome.results:
        return Cell(None, (title, ("diverged", BAD))), Cell(None)
    film, shown = outcome.results[setting]
    change = enlarge(film) - enlarge(outcome.content.film)
    point = shown.point
    return (
        Cell(film_picture(enlarge(film), _window(outcome.content)), (title, *_scored(shown.scores, thresholds))),
        Cell(
            difference_picture(change, amplification).convert("RGB"),
            ((f"moved {point.mean_absolute_change:.4f}, loss {point.loss:.4g}", DIM),),
        ),
    )


def _scored(scores: Scores | None, thresholds: dict[str, float]) -> tuple[Line, ...]:
    if scores is None:
        return ()
    cut_off, limit = thresholds.get("classifier"), thresholds.get("anomaly")
    malignant = cut_off is not None and scores.probability >= cut_off
    anomalous = limit is not None and scores.anomaly > limit
    return (
        (f"P(malignant) {scores.probability:.2f}", GOOD if malignant else TEXT),
        (f"anomaly {scores.anomaly:.3g}", BAD if anomalous else TEXT),
    )


def _legend(thresholds: dict[str, float]) -> str:
    text = "differences: orange brighter, blue darker"
    if "classifier" in thresholds:
        text += f"; green: P at or above the classifier's cut-off {thresholds['classifier']:.3g}"
    if "anomaly" in thresholds:
        text += f"; red: above the anomaly detector's threshold {thresholds['anomaly']:.3g}"
    return text


def _fixed(recipe: Recipe, varied: Axis) -> str:
    said = {
        Axis.STEPS: f"{recipe.steps} steps",
        Axis.CONTENT_WEIGHT: f"content weight {recipe.content_weight:g}",
        Axis.CONTENT_LAYER: f"content at {recipe.content_layer}",
    }
    return ", ".join(
        [text for axis, text in said.items() if axis is not varied] + [f"style weight {recipe.style_weight:g}"]
    )


def _amplification(outcome: Outcome, settings: Sequence[Setting]) -> int:
    films: list[Film] = [outcome.results[setting][0] for setting in settings if setting in outcome.results]
    return choose_amplification([film - outcome.content.film for film in films])


def _window(original: Original) -> Window:
    return choose_window(original.film, original.mask)


def _box(outcome: Outcome, recipe: Recipe) -> Box:
    """The whole film where all of it may change, else what both breasts lie in."""
    if recipe.region is Region.FILM:
        side = enlarge(outcome.content.film).shape[0]
        return (0, 0, side, side)
    return breast_box([enlarge_mask(outcome.content.mask), enlarge_mask(outcome.style.mask)])
