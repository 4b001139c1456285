import numpy as np
import pytest

from services.evaluator.report.histograms import Series, histogram


def test_every_value_is_counted_in_the_bin_that_numpy_counts_it_in() -> None:
    values = np.random.default_rng(0).random(500).tolist()
    drawn = histogram([Series("a", "benign", values), Series("none", "trial", [])], threshold=0.7, top=1.0)
    assert drawn is not None
    (series,) = drawn.series
    assert series.counts == tuple(np.histogram(values, bins=30, range=(0, 1))[0])
    assert series.total == 500
    assert sum(series.shares) == pytest.approx(1.0)
    assert (drawn.threshold_at, drawn.beyond) == (70.0, False)
    assert drawn.highest == max(series.shares)


def test_what_lies_beyond_the_last_bin_is_counted_in_it_and_told() -> None:
    values = [0.05] * 999 + [50.0]
    drawn = histogram([Series("a", "benign", values)], threshold=0.08)
    assert drawn is not None
    assert drawn.edges[-1] < 1.0
    assert drawn.beyond
    assert drawn.series[0].total == 1000
    assert drawn.series[0].counts[-1] == 1


def test_the_threshold_is_in_sight_though_all_values_lie_below_it() -> None:
    drawn = histogram([Series("a", "benign", [0.01, 0.02])], threshold=0.5)
    assert drawn is not None
    assert 0.0 < drawn.threshold_at <= 80.0
    assert [at for at, _ in drawn.ticks] == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert drawn.ticks[-1][1] == "0.8"


def test_the_outline_is_as_high_as_the_shares() -> None:
    drawn = histogram([Series("a", "benign", [0.01, 0.01, 0.99])], threshold=0.5, top=1.0)
    assert drawn is not None
    assert drawn.series[0].line.startswith("M0 100V0.00H3.33V100.00H6.67")
    assert drawn.series[0].line.endswith("V50.00H100.00V100Z")


def test_without_any_value_there_is_no_figure() -> None:
    assert histogram([Series("a", "benign", [])], threshold=0.5) is None
    assert histogram([Series("a", "benign", [0.0, 0.0])], threshold=0.0) is not None
