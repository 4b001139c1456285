"""Fixtures that tests of several parts need."""

import socket
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time, and no clock: speed is not what these tests are about.
settings.register_profile("repository", derandomize=True, deadline=None)
settings.load_profile("repository")


@pytest.fixture
def unused_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def shared_films() -> Path:
    """The folder of real films beside the checkout; tests that use it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "cbis-ddsm-mass-800"
    if not folder.is_dir():
        pytest.skip("no real films beside the checkout")
    return folder
