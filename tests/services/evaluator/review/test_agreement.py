"""Shares and kappa, against numbers worked out by hand."""

import pytest

from services.evaluator.review.agreement import agreement, share


def test_a_share_has_wilsons_interval() -> None:
    found = share([True] * 8 + [False] * 2)

    assert found is not None
    assert (found.count, found.of, found.share) == (8, 10, 0.8)
    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964
    assert found.low == pytest.approx(0.490162, abs=1e-5)
    assert found.high == pytest.approx(0.943318, abs=1e-5)


def test_nothing_asked_has_no_share_and_no_agreement() -> None:
    assert share([]) is None
    assert agreement([]) is None


def test_kappa_is_cohens() -> None:
    # Cohen's table of 50: both yes 20, first yes only 5, second yes only 10, both no 15. Observed 0.7, expected
    # 25/50 * 30/50 + 25/50 * 20/50 = 0.5; kappa (0.7 - 0.5) / 0.5 = 0.4.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15

    found = agreement(pairs)

    assert found is not None
    assert (found.films, found.agreed.count) == (50, 35)
    assert found.kappa == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [
        ([("y", "y"), ("n", "n")], 1.0),
        ([("y", "n"), ("n", "y")], -1.0),
        ([("y", "y"), ("y", "n"), ("n", "y"), ("n", "n")], 0.0),
        ([("y", "y"), ("y", "y")], None),
    ],
    ids=["always", "never", "by chance", "all the same answer"],
)
def test_kappa_at_its_ends(pairs: list[tuple[str, str]], kappa: float | None) -> None:
    found = agreement(pairs)

    assert found is not None
    assert found.kappa == kappa
