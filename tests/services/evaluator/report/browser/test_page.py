"""What a reader does with the page: look, sort, search, open films and change how they are shown."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.evaluator.run_directory import RunDirectory
from shared.images import to_uint16
from shared.store import Store
from tests.services.evaluator.report.browser.conftest import HOSTILE, OpenPage


def column(page: Any, section: str, number: int) -> list[str]:
    cells = page.locator(f"section[aria-labelledby={section}] .grid tbody tr td:nth-child({number})")
    return [str(text) for text in cells.all_inner_texts()]


def window_now(page: Any) -> dict[str, float]:
    text = page.locator("#viewer .window-now").inner_text()
    return {name: float(value) for name, value in re.findall(r"(level|width|zoom) ([\d.]+)", text)}


def grey(page: Any, pane: str) -> Any:
    """What a pane's canvas shows: (rows, columns) red values."""
    script = """(canvas) => {
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return [canvas.height, canvas.width, [...data].filter((_, place) => place % 4 === 0)];
    }"""
    rows, columns, values = page.locator(f"#viewer .pane[data-name={pane}] canvas").evaluate(script)
    return np.array(values, dtype=np.float64).reshape(rows, columns)


def settled(page: Any) -> None:
    """Wait until what was asked for is drawn: two frames."""
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def open_viewer(page: Any, picture: str = "output") -> None:
    page.locator(f"#film-000000-1 [data-picture={picture}]").click()
    page.wait_for_function(
        "() => document.querySelector('#viewer').open && /zoom/.test(document.querySelector('.window-now').textContent)"
    )
    page.wait_for_function("() => document.querySelector('.pane[data-name=output] canvas').width > 1")


def test_the_page_fits_its_width_and_asks_nothing_of_the_network(open_page: OpenPage) -> None:
    page = open_page()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "This run has not ended." in page.inner_text("header")
    pictures = page.locator(".picture img")
    assert pictures.count() > 40
    assert page.evaluate("[...document.querySelectorAll('.picture img')].every((image) => image.naturalWidth === 64)")


def test_what_a_table_is_about_is_read_without_moving_it(open_page: OpenPage) -> None:
    page = open_page()
    captions = page.locator(".scroll caption")
    assert captions.count() >= 7
    for caption in captions.all():
        assert caption.evaluate("(text) => text.scrollWidth <= text.closest('.scroll').clientWidth + 1")
        assert caption.evaluate("(text) => text.getBoundingClientRect().right <= innerWidth")
    region = page.get_by_role("region", name="Acceptance by trial number")
    region.evaluate("(region) => { region.scrollLeft = 200; }")
    assert region.locator("caption").evaluate("(text) => text.getBoundingClientRect().left >= 0")


def test_hostile_names_are_text_in_tables_and_records(open_page: OpenPage) -> None:
    page = open_page()
    place = page.locator("section[aria-labelledby=pairs]")
    place.locator("input[type=search]").fill("onerror")
    assert column(page, "pairs", 5) == [HOSTILE]
    place.locator("[data-open-record='000119']").click()
    page.wait_for_function("() => document.querySelector('#record pre').textContent.length > 100")
    assert json.loads(page.locator("#record pre").inner_text())["content"]["image_id"] == HOSTILE
    assert page.evaluate("window.hurt") is None


def test_long_tables_are_sorted_searched_and_turned(open_page: OpenPage) -> None:
    page = open_page()
    place = page.locator("section[aria-labelledby=pairs]")
    assert column(page, "pairs", 1)[:3] == ["000000", "000000-placebo", "000001"]
    assert len(column(page, "pairs", 1)) == 50
    assert place.get_by_role("status").inner_text() == "Rows 1 to 50 of 121"
    place.get_by_role("button", name="Later rows").click()
    assert column(page, "pairs", 1)[0] == "000049"
    head = place.get_by_role("columnheader", name="Trials")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    trials = [int(value) for value in column(page, "pairs", 4)]
    assert trials == sorted(trials, reverse=True)
    assert trials[0] == 2
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, "pairs", 4)[0] == "1"
    place.locator("input[type=search]").fill("accepted")
    assert place.get_by_role("status").inner_text() == "Rows 1 to 41 of 41 found of 121"
    assert set(column(page, "pairs", 3)) == {"Accepted"}


def test_short_tables_and_films_are_sorted(open_page: OpenPage) -> None:
    page = open_page()
    table = page.get_by_role("region", name="Acceptance by trial number")
    first = "tbody tr:first-child th"
    assert table.locator(first).inner_text() == "1"
    table.get_by_role("columnheader", name="Trial").first.get_by_role("button").click()
    assert table.locator(first).inner_text() == "2"
    films = page.locator("#accepted-section .panel")
    pairs = [int(films.nth(place).get_attribute("data-pair")) for place in range(films.count())]
    assert pairs == sorted(pairs)
    page.evaluate("document.querySelectorAll('#accepted-section .panel')[5].dataset.change = 0.5")
    page.evaluate("document.querySelectorAll('#accepted-section .panel')[2].dataset.change = 0.001")
    page.locator("#accepted-section select").select_option("Change, smallest first")
    moved = [int(films.nth(place).get_attribute("data-pair")) for place in range(films.count())]
    assert (moved[0], moved[-1]) == (pairs[2], pairs[5])


def test_films_are_shown_in_16_bit_with_the_window_asked_for(open_page: OpenPage, page_file: Path) -> None:
    page = open_page()
    open_viewer(page)
    film = RunDirectory.open(Store(str(page_file.parent))).accepted_film(0)
    assert film is not None
    pixels = to_uint16(film).astype(np.float64)
    # A window of a two-hundredth: in 8 bit it would hold one or two grey levels.
    level = float(np.median(film[film > 0]))
    for name, value in (("centre", level), ("width", 0.005)):
        page.locator(f"#viewer [name={name}]").evaluate(
            "(range, value) => { range.value = value; range.dispatchEvent(new Event('input')); }", value
        )
    page.wait_for_function("() => /width 0.005/.test(document.querySelector('.window-now').textContent)")
    shown = grey(page, "output")
    now = window_now(page)
    expected = np.clip((pixels - 65535 * (now["level"] - 0.0025)) * 255 / (65535 * 0.005), 0, 255)
    np.testing.assert_allclose(shown, expected, atol=1.0)
    assert len(np.unique(shown)) > 20


def test_the_difference_is_taken_in_16_bit_on_the_page(open_page: OpenPage, page_file: Path) -> None:
    page = open_page()
    open_viewer(page, "difference")
    shown = grey(page, "difference")
    run = RunDirectory.open(Store(str(page_file.parent)))
    film = run.accepted_film(0)
    assert film is not None
    brighter = film > 0
    assert shown[brighter].mean() > 20
    assert not shown[film == 0].any()


def test_window_and_level_follow_the_mouse_and_the_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    open_viewer(page)
    before = window_now(page)
    box = page.locator("#viewer .pane[data-name=output] .frame").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 0.2 * box["width"], middle[1] - 0.1 * box["height"], steps=4)
    page.mouse.up()
    page.wait_for_function(
        f"() => !document.querySelector('.window-now').textContent.includes('width {before['width']:.3f}')"
    )
    dragged = window_now(page)
    assert dragged["width"] == pytest.approx(before["width"] + 0.2, abs=0.02)
    assert dragged["level"] == pytest.approx(before["level"] + 0.1, abs=0.02)
    page.locator("#viewer .close").focus()
    for key, name, change in (("ArrowUp", "level", 0.02), ("ArrowDown", "level", 0.0), ("w", "width", 0.02)):
        page.keyboard.press(key)
        settled(page)
        assert window_now(page)[name] == pytest.approx(dragged[name] + change, abs=0.002)
    page.keyboard.press("0")
    settled(page)
    assert window_now(page) == before


def test_films_zoom_by_wheel_button_and_key_all_together(open_page: OpenPage) -> None:
    page = open_page()
    open_viewer(page)
    page.locator("#viewer [data-action=nearer]").click()
    page.keyboard.press("+")
    settled(page)
    assert window_now(page)["zoom"] == pytest.approx(2.2, abs=0.1)
    scales = page.evaluate("[...document.querySelectorAll('#viewer canvas')].map((canvas) => canvas.style.transform)")
    assert len(set(scales)) == 1
    assert "scale(2.25)" in scales[0]
    page.locator("#viewer .pane[data-name=output] .frame").hover()
    page.mouse.wheel(0, -400)
    page.wait_for_function("() => /zoom [3-9]/.test(document.querySelector('.window-now').textContent)")
    page.locator("#viewer [data-action=reset]").click()
    settled(page)
    assert window_now(page)["zoom"] == 1


def test_the_viewer_goes_from_trial_to_trial_and_to_the_record(open_page: OpenPage) -> None:
    page = open_page()
    open_viewer(page)
    title = page.locator("#viewer-title")
    first = title.inner_text()
    assert first.startswith("Pair 0")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => document.querySelector('#viewer-title').textContent !== {json.dumps(first)}")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => document.querySelector('#viewer-title').textContent === {json.dumps(first)}")
    page.keyboard.press("b")
    assert page.locator("#viewer").get_attribute("data-alone") in ("output", "content")
    page.locator("#viewer .open-record").click()
    page.wait_for_function("() => document.querySelector('#record pre').textContent.includes('\"pair\": 0')")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('#viewer').open || document.querySelector('#record').open")


def test_the_page_prints_all_films(open_page: OpenPage) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert page.locator(".panel").first.evaluate("(panel) => getComputedStyle(panel).contentVisibility") == "visible"
    assert len(page.pdf()) > 50_000
    place = page.locator("section[aria-labelledby=pairs]")
    assert not place.locator("input[type=search]").is_visible()
    assert not place.get_by_role("button", name="Later rows").is_visible()
    assert place.get_by_text("Rows 1 to 50 of 121").is_visible()
    assert place.locator("[data-open-record='000000']").is_visible()
