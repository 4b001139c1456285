"""Histograms of what the gates say, as a page draws them (the paper's Figures 10 and 11)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_BINS = 30


@dataclass(frozen=True)
class Series:
    """Values of one kind of film."""

    name: str
    tone: str
    """Class of its colour on the page."""
    values: Sequence[float]


@dataclass(frozen=True)
class Drawn:
    """One series, counted."""

    name: str
    tone: str
    counts: tuple[int, ...]
    shares: tuple[float, ...]
    """Of the series, in each bin."""
    line: str
    """Outline as the points of an SVG path, 0 to 100 wide and 0 to 100 high."""

    @property
    def total(self) -> int:
        """Values of the series."""
        return sum(self.counts)


@dataclass(frozen=True)
class Histogram:
    """Several series over the same bins."""

    edges: tuple[float, ...]
    series: tuple[Drawn, ...]
    threshold: float
    threshold_at: float
    """Where it stands, 0 to 100."""
    highest: float
    """Largest share of a bin."""
    beyond: bool
    """Whether the last bin also holds what lies beyond it."""
    ticks: tuple[tuple[float, str], ...]
    """Where numbers stand under the axis, 0 to 100, and which."""


def histogram(series: Sequence[Series], *, threshold: float, top: float | None = None) -> Histogram | None:
    """Count series over common bins from 0; None where there is no value at all.

    Args:
        series: with their values, 0 or more.
        threshold: that is drawn into the figure.
        top: end of the last bin; chosen such that nearly all values lie below it if not given.

    """
    shown = [item for item in series if len(item.values)]
    if not shown:
        return None
    values = np.concatenate([np.asarray(item.values, dtype=np.float64) for item in shown])
    end = top if top is not None else _end(max(float(np.percentile(values, 99.5)), 1.25 * threshold))
    edges = np.linspace(0.0, end, _BINS + 1)
    counted = [np.histogram(np.clip(item.values, 0.0, end), bins=edges)[0] for item in shown]
    highest = max(float((counts / counts.sum()).max()) for counts in counted)
    drawn = tuple(
        Drawn(
            name=item.name,
            tone=item.tone,
            counts=tuple(int(count) for count in counts),
            shares=tuple(float(count) for count in counts / counts.sum()),
            line=_outline(counts / counts.sum() / highest),
        )
        for item, counts in zip(shown, counted, strict=True)
    )
    return Histogram(
        edges=tuple(float(edge) for edge in edges),
        series=drawn,
        threshold=threshold,
        threshold_at=100.0 * min(threshold, end) / end,
        highest=highest,
        beyond=bool((values > end).any()),
        ticks=tuple((at, f"{end * at / 100.0:.3g}") for at in (0.0, 25.0, 50.0, 75.0, 100.0)),
    )


def _end(value: float) -> float:
    """The next number whose quarters are round."""
    power = 10.0 ** np.floor(np.log10(value)) if value > 0 else 0.1
    return float(
        next(step * power for step in (1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0) if step * power >= value)
    )


def _outline(heights: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    width = 100.0 / len(heights)
    points = ["M0 100"]
    for place, height in enumerate(heights):
        points.append(f"V{100.0 * (1.0 - height):.2f}H{width * (place + 1):.2f}")
    return "".join([*points, "V100Z"])
