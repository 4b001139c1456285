"""Settings that every test of the orchestrator is run with."""

from collections.abc import Iterator

import hypothesis
import pytest
import stamina

# The same examples on every machine, however slow it is today.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Attempts follow one another at once; how many there are is for the code to bound."""
    with stamina.set_testing(True, attempts=10_000):
        yield
