"""The picture of a classifier's report: its ROC curve, and how well its probabilities agree with what is observed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from services.trainer.calibration_curve import BINS, expected_calibration_error
from services.trainer.classifier_report import Judged
from shared.roc import area_under_curve


def draw_report(judged: Mapping[str, Judged]) -> Figure:
    """Draw every set of films by its name, and each source by itself where a set has two or more."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    roc, calibration = figure.subplots(1, 2)
    for axes in (roc, calibration):
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for name, films, style in _lines(judged):
        _draw_roc(roc, name, films, style)
        _draw_calibration(calibration, name, films, style)
    roc.set(xlabel="benign films called malignant", ylabel="malignant films called malignant", title="ROC curve")
    roc.legend(loc="lower right")
    calibration.set(xlabel="predicted probability", ylabel="observed share of malignant films", title="Calibration")
    calibration.legend(loc="upper left")
    return figure


def _lines(judged: Mapping[str, Judged]) -> Iterator[tuple[str, Judged, dict[str, Any]]]:
    for number, (key, films) in enumerate(judged.items()):
        name, color = key.replace("_", " "), f"C{number}"
        yield name, films, {"color": color, "linewidth": 2}
        sources = np.unique(films.sources).tolist()
        for source in sources if len(sources) > 1 else ():
            yield f"{name}, {source}", films.of_source(source), {"color": color, "linewidth": 1, "linestyle": "--"}


def _draw_roc(axes: Any, name: str, films: Judged, style: dict[str, Any]) -> None:
    if films.malignant.all() or not films.malignant.any():
        return
    false_share, true_share, _ = roc_curve(films.malignant, films.probabilities)
    area = area_under_curve(films.malignant, films.probabilities)
    axes.plot(false_share, true_share, label=f"{name}: area {area:.2f}", **style)


def _draw_calibration(axes: Any, name: str, films: Judged, style: dict[str, Any]) -> None:
    """One point a bin, its area by the films in it."""
    bins = [one for one in films.curve if one.films]
    predicted, observed = [one.predicted for one in bins], [one.observed for one in bins]
    error = expected_calibration_error(films.malignant, films.probabilities)
    axes.plot(predicted, observed, label=f"{name}: error {error:.2f}", **style)
    sizes = [20 + 200 * BINS * one.films / len(films.malignant) / 4 for one in bins]
    axes.scatter(predicted, observed, s=sizes, color=style["color"], alpha=0.4)
