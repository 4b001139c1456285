import io
import sys
from collections.abc import Iterator

import pytest
import structlog
from rich.console import Console
from rich.progress import Progress

from shared.log import configure, get_logger


@pytest.fixture
def configured() -> Iterator[None]:
    before = structlog.get_config()
    configure(json=True)
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("configured")
def test_lines_go_to_standard_error_as_it_is_when_they_are_written(monkeypatch: pytest.MonkeyPatch):
    log = get_logger("test")
    replaced = io.StringIO()
    monkeypatch.setattr(sys, "stderr", replaced)
    log.info("said", number=3)
    assert '"number": 3' in replaced.getvalue()


@pytest.mark.usefixtures("configured")
def test_lines_stand_above_a_progress_bar_on_lines_of_their_own():
    screen = io.StringIO()
    with Progress(console=Console(file=screen, force_terminal=True, width=200)) as bar:
        bar.add_task("working", total=3)
        get_logger("test").info("said")
        bar.refresh()
    (line,) = [line for line in screen.getvalue().split("\n") if '"event"' in line]
    erase_line = "\x1b[2K"
    assert line.rsplit(erase_line)[-1].startswith('{"component": "test"')
