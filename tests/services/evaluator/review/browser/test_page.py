"""A reader at the page: answers by keyboard, reloads, saves, and what is saved is read back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.evaluator.configuration import ReviewReadConfiguration
from services.evaluator.review import read
from services.evaluator.review.study import Kind, Study
from shared.images import to_uint16
from tests.services.evaluator.review.made import make_study, write_run
from tests.services.evaluator.run_writer import RunWriter

OpenPage = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> RunWriter:
    return write_run(tmp_path, accepted=3, twins=1)


@pytest.fixture
def study(run: RunWriter, tmp_path: Path) -> Study:
    return make_study(run, tmp_path / "readers", repeats=2)


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def open_page(request: pytest.FixtureRequest, browser: Any, study: Study, tmp_path: Path) -> Iterator[OpenPage]:
    """Open the page; whatever is logged as an error or asked of the network fails the test."""
    width, height = request.param
    phone = width < 500
    context = browser.new_context(viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone)
    wrong: list[str] = []

    def opened(kept_before: tuple[str, str] | None = None) -> Any:
        page = context.new_page()
        page.set_default_timeout(60_000)
        if kept_before:
            page.add_init_script(f"localStorage.setItem(...{json.dumps(kept_before)})")
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "blob:")) else None
        )
        page.goto((tmp_path / "readers/review.html").as_uri())
        return page

    yield opened
    context.close()
    assert wrong == []


def begin(page: Any, reader: str = "AB") -> None:
    page.locator("[name=reader]").fill(reader)
    page.keyboard.press("Enter")
    ready(page, 1)


def ready(page: Any, number: int) -> None:
    """Wait until a film is painted."""
    page.wait_for_function(
        """(number) => {
          const canvas = document.querySelector(".frame canvas");
          return canvas.getAttribute("aria-label") === `Film ${number}` && canvas.width > 1;
        }""",
        arg=number,
    )
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def reload(page: Any) -> None:
    """Reload as people do: what is kept within the same instant may come too late for the new page."""
    page.wait_for_timeout(500)
    page.reload()


def save(page: Any, path: Path, how: Callable[[], None]) -> dict[str, Any]:
    with page.expect_download() as waiting:
        how()
    waiting.value.save_as(path / waiting.value.suggested_filename)
    return dict(json.loads((path / waiting.value.suggested_filename).read_bytes()))


def window_now(page: Any) -> str:
    return str(page.locator(".window-now").text_content())


def test_a_study_is_answered_by_keyboard_reloaded_saved_and_read_back(
    open_page: OpenPage, run: RunWriter, study: Study, tmp_path: Path
) -> None:
    page = open_page()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    begin(page)
    bad = next(item for item in study.items if item.film.kind is Kind.ACCEPTED and item.repeats is None)
    half = len(study.items) // 2
    for item in study.items:
        ready(page, item.number)
        for key in ("r" if item.film.kind is Kind.REAL else "s", "m", "n" if item is bad else "y"):
            page.keyboard.press(key)
        if item is bad:
            page.keyboard.press("c")
            page.keyboard.type("skin <line>, Rs")
            page.keyboard.press("Escape")
        if item.number == half:
            reload(page)
            ready(page, half)
            assert page.locator(".where").text_content() == f"Film {half} of {len(study.items)}"
            assert page.locator("[name=finding][value=malignant]").is_checked()
        if item.number < len(study.items):
            page.keyboard.press("Enter")
    page.wait_for_selector("#end[open]")

    saved = save(page, tmp_path, lambda: page.locator("#end .main").click())

    assert len(saved["answers"]) == len(study.items)
    assert (
        read.run(ReviewReadConfiguration(run=run.address, answers=(tmp_path / f"answers-{study.study}-AB.json",))) == 0
    )
    scores = json.loads((run.path / f"reviews/{study.study}-scores.json").read_bytes())
    (reader,) = scores["readers"]
    assert reader["answered"] == len(study.items)
    assert reader["origin_accuracy"]["share"] == 1.0
    assert reader["called_malignant"]["real benign"]["share"] == 1.0
    (veto,) = json.loads((run.path / "vetoed.json").read_bytes())["vetoed"]
    assert (veto["pair"], veto["reason"]) == (int(bad.film.name), "called not usable by AB: AB: skin <line>, Rs")


def test_an_answer_is_changed_and_an_open_film_is_found(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    begin(page)
    page.keyboard.press("r")
    page.keyboard.press("s")
    page.keyboard.press("b")
    page.keyboard.press("y")
    page.keyboard.press("ArrowRight")
    ready(page, 2)
    page.keyboard.press("ArrowRight")
    ready(page, 3)
    page.keyboard.press("u")
    ready(page, 4)
    page.keyboard.press("ArrowLeft")
    ready(page, 3)
    page.locator("label", has=page.locator("[value=no]")).click()

    saved = save(page, tmp_path, lambda: page.keyboard.press("Control+s"))

    assert saved["answers"] == [
        {"item": 1, "origin": "synthetic", "finding": "benign", "usable": True, "comment": ""},
        {"item": 3, "origin": None, "finding": None, "usable": False, "comment": ""},
    ]


def test_films_are_shown_in_16_bit_with_window_and_zoom(open_page: OpenPage, run: RunWriter, study: Study) -> None:
    page = open_page()
    begin(page)
    film = study.items[0].film
    pixels = to_uint16(run.dataset.pixels(film.name) if film.kind is Kind.REAL else run.output(int(film.name), 1))
    changed = "(before) => document.querySelector('.window-now').textContent !== before"
    page.wait_for_function(changed, arg="")
    before = window_now(page)
    for key in ("+", "ArrowUp", "Shift+ArrowDown"):
        shown = window_now(page)
        page.keyboard.press(key)
        page.wait_for_function(changed, arg=shown)
    level, width, zoom = (float(part.split()[-1]) for part in window_now(page).split(","))
    inside = pixels[pixels > 0.02 * 65535] / 65535
    low, high = np.quantile(inside, [0.01, 0.998])
    assert level == pytest.approx((low + high) / 2 + 0.02, abs=0.003)
    assert width == pytest.approx(high - low - 0.02, abs=0.003)
    assert zoom == 1.5
    shown = page.locator(".frame canvas").evaluate(
        """(canvas) => {
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          return [...data].filter((_, place) => place % 4 === 0);
        }"""
    )
    expected = np.clip((pixels.astype(float) - 65535 * (level - width / 2)) * 255 / (65535 * width), 0, 255)
    np.testing.assert_allclose(np.array(shown).reshape(pixels.shape), expected, atol=2.5)
    page.keyboard.press("0")
    page.wait_for_function("(before) => document.querySelector('.window-now').textContent === before", arg=before)


def test_another_reader_begins_anew_and_goes_on_from_a_file(open_page: OpenPage, study: Study, tmp_path: Path) -> None:
    page = open_page()
    begin(page)
    page.keyboard.press("s")
    page.locator("[data-action=keys]").click()
    save(page, tmp_path, lambda: page.locator("[data-action=another]").click())
    begin(page, "CD")
    assert page.locator("[name=origin]:checked").count() == 0
    page.evaluate("localStorage.clear()")
    reload(page)
    page.locator("#start [type=file]").set_input_files(tmp_path / f"answers-{study.study}-AB.json")
    page.wait_for_function("() => document.querySelector('#start .told').textContent.startsWith('1 answer of AB')")
    page.locator("#start .main").click()
    ready(page, 1)
    assert page.locator("[name=origin][value=synthetic]").is_checked()


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "This is no file of answers."), ('{"study": "x", "reader": "A", "answers": []}', "belong to another study")],
    ids=["broken", "of another study"],
)
def test_a_file_that_does_not_fit_is_told(open_page: OpenPage, tmp_path: Path, content: str, told: str) -> None:
    page = open_page()
    (tmp_path / "wrong.json").write_text(content)

    page.locator("#start [type=file]").set_input_files(tmp_path / "wrong.json")

    page.wait_for_function("(told) => document.querySelector('#start .told').textContent.includes(told)", arg=told)


@pytest.mark.parametrize(
    ("kept", "goes_on"),
    [("[", False), ('{"reader": "AB", "at": "x", "answers": {"1": {"origin": "<img>"}, "99": {}}}', True)],
    ids=["no JSON", "unknown answers"],
)
def test_what_lies_broken_in_the_browser_is_no_obstacle(
    open_page: OpenPage, study: Study, kept: str, goes_on: bool
) -> None:
    # It lies there before the page's own script runs: what is kept just before a reload may come too late.
    page = open_page(kept_before=(f"mammosynth-review-{study.study}", kept))
    if not goes_on:
        begin(page)
    ready(page, 1)
    assert page.locator("[name=origin]:checked").count() == 0
    assert page.locator(".done").text_content() == "0 answered"
