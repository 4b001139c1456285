"""Pictures of an anomaly detector: its errors (the paper's Fig. 10), films beside what it made of them, a battery."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from services.trainer.battery_figures import KindFigures
from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet
from services.trainer.spoiled import spoil

Scores = NDArray[np.float64]

AIM = 0.95
"""Area under the curve that a detector should reach on every kind."""
_RANKS = {"typical": 0.5, "at 95 %": 0.95, "worst": 1.0}
_SPOILED = ("blur", "patch")


def draw_scores(training: Scores, unseen: Scores, *, thresholds: dict[str, float], default: str) -> Figure:
    """Draw histograms of the scores (n,) of training and of unseen films, their 95 % lines, and the threshold."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(0, float(max(training.max(), unseen.max())) * 1.02, 60).tolist()
    for name, scores, color in (("training", training, "tab:blue"), ("unseen", unseen, "tab:orange")):
        axes.hist(scores, bins=edges, density=True, alpha=0.55, color=color, label=f"{len(scores)} {name} films")
        at = float(np.percentile(scores, 95))
        axes.axvline(at, color=color, linestyle="--", label=f"95 % of {name} films: {at:.4g}")
    axes.axvline(
        thresholds[default], color="black", linestyle=":", linewidth=2, label=f"threshold: {thresholds[default]:.4g}"
    )
    axes.set(xlabel="score", ylabel="density", title="Scores of real films")
    axes.legend()
    return figure


def draw_films(scorer: GraphScorer, films: FilmSet, scores: Scores, *, seed: int, made: str) -> Figure:
    """Draw real films of several scores (n,), and spoiled ones, beside what the detector `made` of them."""
    order = np.argsort(scores)
    chosen = {name: int(order[round(rank * (len(order) - 1))]) for name, rank in _RANKS.items()}
    shown = [(name, films.film(index), index) for name, index in chosen.items()]
    shown += [
        (f"typical, {kind}", spoil(films, kind, chosen["typical"], seed=seed), chosen["typical"]) for kind in _SPOILED
    ]
    results = [scorer.run(film, films.masks[index]) for _, film, index in shown]
    made_of = [outputs["reconstruction"][0, 0].clip(0, 1) for outputs in results]
    errors = [
        np.abs(film - result) * films.masks[index] for (_, film, index), result in zip(shown, made_of, strict=True)
    ]
    white = max(float(np.percentile(np.stack(errors), 99.5)), 1e-3)
    figure = Figure(figsize=(6.6, 2.1 * len(shown)), layout="constrained")
    rows = figure.subplots(len(shown), 3, squeeze=False)
    for number, (name, film, _) in enumerate(shown):
        rows[number, 0].set_ylabel(f"{name}\nscore {results[number]['score'][0]:.3g}")
        for axes, image, scale in zip(
            rows[number], (film, made_of[number], errors[number]), (1.0, 1.0, white), strict=True
        ):
            axes.imshow(image, cmap="gray", vmin=0, vmax=scale)
            axes.set(xticks=[], yticks=[])
    for axes, title in zip(rows[0], ("film", made, f"difference, white: {white:.2g}"), strict=True):
        axes.set_title(title)
    return figure


def draw_battery(kinds: Sequence[KindFigures], real: Scores, *, threshold: float) -> Figure:
    """Draw each kind's scores beside those of real films, and its area under the curve with its interval."""
    figure = Figure(figsize=(9, 1.2 + 0.42 * (len(kinds) + 1)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    names = ["real, unseen", *(kind.kind for kind in kinds)]
    generator = np.random.default_rng(0)
    for place, scores in enumerate([real, *(kind.scores for kind in kinds)]):
        jitter = place + generator.uniform(-0.25, 0.25, len(scores))
        left.scatter(scores, jitter, s=6, alpha=0.5, color="tab:grey" if place == 0 else "tab:blue")
    left.axvline(threshold, color="black", linestyle=":", label=f"threshold {threshold:.4g}")
    left.set(xlabel="score", yticks=range(len(names)), yticklabels=names)
    left.set_xlim(left=0)
    left.invert_yaxis()
    left.legend(loc="upper right")
    for place, kind in enumerate(kinds, start=1):
        right.plot([kind.low, kind.high], [place, place], color="tab:blue")
        right.plot(kind.area, place, "o", color="tab:blue")
        right.annotate(f"{kind.caught:.0%} caught", (0.02, place), fontsize=8, va="center")
    right.axvline(AIM, color="tab:green", linestyle="--", label=str(AIM))
    right.axvline(0.5, color="tab:red", linestyle="--", label="a coin")
    right.set(xlim=(0, 1.02), xlabel="area under the curve, 95 % interval")
    right.legend(loc="upper left", fontsize=8)
    return figure
