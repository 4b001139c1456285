"""A run of 10,000 pairs: its page stays below 50 MB, and light enough to be scrolled and searched."""

import json
import shutil
import uuid
from pathlib import Path

import numpy as np
import pytest

from services.evaluator.configuration import ReportConfiguration
from services.evaluator.report.command import run as report
from shared.images import encode_png16, sha256_pixels
from tests.services.evaluator.report.browser.conftest import OpenPage
from tests.services.evaluator.run_writer import RunWriter, write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
PAIRS = 10_000
DISTINCT = 61
"""Films that are used again and again; no divisor of any distance at which films are shown."""


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three in ten pairs accepted, films of 256 px of noise, which compress worse than real ones."""
    dataset = write_dataset(tmp_path_factory.mktemp("dataset"), contents=50, styles=50, size=256)
    run = RunWriter(tmp_path_factory.mktemp("runs") / "run", dataset, pairs=PAIRS)
    films = [run.output(number, 1) for number in range(DISTINCT)]
    stored = []
    for number, film in enumerate(films):
        path = run.path / f"film-{number}.png"
        path.write_bytes(encode_png16(film))
        stored.append((path, sha256_pixels(film)))
    (run.path / "accepted").mkdir()
    (run.path / "rejected").mkdir()
    generator = np.random.default_rng(0)
    template = run.trial(0, 1, [])
    for pair in range(PAIRS):
        accepted_at = int(generator.integers(1, 8)) if pair % 10 < 3 else 0
        path, sha256 = stored[pair % DISTINCT]
        trials = []
        for number in range(1, (accepted_at or 7) + 1):
            kept = number == accepted_at
            values = generator.random(7).tolist()
            trials.append(
                template
                | {
                    "trial": number,
                    "loss": values[0],
                    "content_loss": values[1],
                    "style_loss": values[2],
                    "mean_absolute_change": values[3] / 10,
                    "scores": {"anomaly": values[4], "probability": values[5], "logit": values[6]},
                    "reasons": [] if kept else ["anomalous", "still_benign", "low_confidence"][number % 3 :],
                    "sha256": sha256 if kept or number == 1 else uuid.UUID(int=pair * 8 + number).hex * 2,
                }
            )
        if accepted_at:
            (run.path / f"accepted/{pair:06d}.png").hardlink_to(path)
        elif pair % 10 == 5:
            (run.path / f"rejected/{pair:06d}-1.png").hardlink_to(path)
        ended = {"decision": "accepted", "accepted_trial": accepted_at, "sha256": sha256} if accepted_at else {}
        run.add(pair, trials=trials, **ended)
    run.finalise()
    assert report(ReportConfiguration(run=run.address)) == 0
    shutil.rmtree(run.path / "pairs")
    return run.path / "report.html"


def test_the_page_is_below_50_megabytes_and_says_what_it_leaves_out(large_page: Path) -> None:
    text = large_page.read_text(encoding="utf-8")
    assert 5_000_000 < len(text) < 50_000_000
    assert "chosen at even distances over the run and not by their looks" in text


def test_the_page_is_light_and_finds_any_pair(large_page: Path, open_page: OpenPage) -> None:
    page = open_page(large_page)
    assert page.evaluate("() => document.querySelectorAll('*').length") < 20_000
    assert (
        page.evaluate(
            "() => Math.max(...[...document.querySelectorAll('.grid tbody')].map((body) => body.rows.length))"
        )
        == 50
    )
    place = page.locator("section[aria-labelledby=pairs]")
    assert place.get_by_role("status").inner_text() == "Rows 1 to 50 of 10,000"
    place.get_by_role("columnheader", name="After").get_by_role("button").click()
    place.locator("input[type=search]").fill("009998")
    place.locator("[data-open-record='009998']").click()
    page.wait_for_function("() => document.querySelector('#record pre').textContent.length > 50")
    found = page.locator("#record pre").inner_text()
    assert found.startswith("This page does not carry this record") or json.loads(found)["pair"] == 9998
