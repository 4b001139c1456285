import pytest

from shared.durations import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (9.97, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (725, "12 min 05 s"), (7500, "2 h 05 min")],
)
def test_durations_are_written_in_units_that_fit(seconds: float, text: str) -> None:
    assert duration(seconds) == text
