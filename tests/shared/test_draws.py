"""Draws depend on what they are for, and on nothing else."""

import hashlib

import pytest

from shared.draws import chosen, draw


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.1, 60, 140), (1.0, 1000, 1000)])
def test_a_share_is_chosen_by_hash(share: float, low: int, high: int) -> None:
    members = [number for number in range(1000) if chosen(share, 3, "kept", number)]
    assert low <= len(members) <= high
    assert members == [number for number in range(1000) if chosen(share, 3, "kept", number)]


def test_a_draw_is_the_hash_of_the_seed_and_what_it_is_for() -> None:
    assert draw(7, "style", 3) == int(hashlib.sha256(b"7:style:3").hexdigest(), 16)
