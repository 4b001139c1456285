"""A page of a run in headless Chromium."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.evaluator.configuration import EvaluateConfiguration, ReportConfiguration
from services.evaluator.evaluate import run as evaluate
from services.evaluator.report.command import run as report
from tests.services.evaluator.run_writer import RunWriter, write_dataset

HOSTILE = "\"><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>"
"""Stands where names of files and patients do."""

OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of 120 pairs that goes on, evaluated, with twins, rejects and a hostile name."""
    dataset = write_dataset(tmp_path_factory.mktemp("dataset"), size=64)
    run = RunWriter(tmp_path_factory.mktemp("runs") / "run", dataset, pairs=130)
    for pair in range(120):
        if pair % 3:
            run.add_rejected(pair, "anomalous", "still_benign", keep=pair < 4)
        else:
            run.add_accepted(pair, at=1 + pair % 2)
    run.add_twin(0, accepted=True)
    hostile = {"image_id": HOSTILE, "patient_id": HOSTILE, "sha256": "00", "scores": None}
    run.add(119, content=hostile, trials=[run.trial(119, 1, ["still_benign"])])
    assert evaluate(EvaluateConfiguration(run=run.address, draws=10)) == 0
    assert report(ReportConfiguration(run=run.address, accepted=48)) == 0
    return run.path / "report.html"


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def open_page(request: pytest.FixtureRequest, browser: Any, page_file: Path) -> Iterator[OpenPage]:
    """Open a page at a width; whatever is logged as an error or asked of the network fails the test."""
    width, height = request.param
    phone = width < 500
    context = browser.new_context(viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone)
    wrong: list[str] = []

    def opened(file: Path = page_file) -> Any:
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None
        )
        page.goto(file.as_uri())
        return page

    yield opened
    context.close()
    assert wrong == []
