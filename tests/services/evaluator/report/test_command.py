import base64
import gzip
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.evaluator.configuration import EvaluateConfiguration, ReportConfiguration
from services.evaluator.evaluate import run as evaluate
from services.evaluator.report.command import run as report
from shared.errors import ConfigurationError, DatasetError, ModelError, NotFoundError, exit_code
from shared.images import decode_png16, sha256_pixels
from tests.services.evaluator.conftest import MakeRun
from tests.services.evaluator.report.outline import Outline, written
from tests.services.evaluator.run_writer import RunWriter, write_dataset
from tests.tiny_models import write_anomaly, write_classifier


def data(page: str, pattern: str) -> list[Any]:
    return [json.loads(found) for found in re.findall(rf"<script[^>]*{pattern}[^>]*>(.*?)</script>", page, re.DOTALL)]


def grids(page: str) -> dict[str, Any]:
    """The page's long tables, by name."""
    return {grid["name"]: grid for grid in data(page, "data-grid")}


def records(page: str) -> dict[str, str]:
    """The records that the page carries, by name."""
    (carried,) = data(page, 'id="records"')
    chunks = [json.loads(gzip.decompress(base64.b64decode(chunk))) for chunk in carried["chunks"]]
    assert [list(chunk) for chunk in chunks] == carried["names"]
    return {name: text for chunk in chunks for name, text in chunk.items()}


def test_the_page_holds_the_numbers_of_the_records(mixed_run: RunWriter) -> None:
    text = Outline(written(mixed_run)).text

    for expected in (
        "3 of 6 pairs ended with a synthetic film",
        "Benign films to be changed split generation 3",
        "Pairs tried their content was called benign 5 83 %",
        "Trials scored by both gates 1.6 a tried pair 8",
        "Films accepted 3 50 %",
        "from 2 content films and 2 style films of 4 patients",
        "Exhausted All recipes were tried, and none led to a film that both gates let pass. 2 33 %",
        "Low confidence The classifier calls the film malignant, without enough confidence. 1 12 %",
        "1 conv_5, weights 1 : 100,000, 100 steps, breast, unclamped 5 2 40 % 0 0 0.800 0.350 0.0123",
        "Work per pair 17 s",
        "Work per accepted film 34 s",
        "Run digest " + "cd" * 32,
        "One kind for each service",
        "No placebo stands beside this rate yet.",
        "No diagnosis.",
        "Not anonymous.",
    ):
        assert expected in text


def test_the_page_needs_nothing_beside_it(mixed_run: RunWriter) -> None:
    page = written(mixed_run)
    outline = Outline(page)

    addresses = [
        value
        for _, attributes in outline.elements
        for name in ("src", "href", "srcset", "action", "data", "poster")
        if (value := attributes.get(name))
    ]
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in addresses)
    assert outline.all("link", "iframe", "object", "embed") == []
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest", page)
    policy = next(meta for meta in outline.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'; img-src data:;")


def test_links_within_the_page_lead_somewhere(mixed_run: RunWriter) -> None:
    outline = Outline(written(mixed_run))
    names = [value for _, attributes in outline.elements if (value := attributes.get("id"))]

    assert len(names) == len(set(names))
    referred = [(link["href"] or "")[1:] for link in outline.all("a")]
    referred += [value for _, attributes in outline.elements if (value := attributes.get("aria-labelledby"))]
    assert set(referred) <= set(names)


def test_screen_readers_find_headings_scopes_and_alternatives(mixed_run: RunWriter) -> None:
    outline = Outline(written(mixed_run))

    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(head.get("scope") in ("row", "col") for head in outline.all("th"))
    assert len(outline.all("table")) == len(outline.all("caption"))
    shown = [image for image in outline.all("img") if image.get("src")]
    assert len(shown) == 4 * 5
    assert all(len(image.get("alt") or "") > 20 for image in shown)
    assert outline.all("html")[0]["lang"] == "en"


def test_hostile_names_stay_text(mixed_run: RunWriter) -> None:
    hostile = "\"><script>alert('x')</script><img src=https://example.org/x onerror=alert(1)>"
    for pair in (0, 2):
        source = {"image_id": hostile, "patient_id": hostile, "sha256": "00", "scores": None}
        trials = [mixed_run.trial(pair, 1, [] if pair == 0 else [hostile])]
        kept = {"decision": "accepted", "accepted_trial": 1} if pair == 0 else {"reason": hostile}
        mixed_run.add(pair, content=source, style=source, trials=trials, **kept)
    outline = Outline(written(mixed_run))

    page = (mixed_run.path / "report.html").read_text(encoding="utf-8")
    # Scripts are the page's own, data of its tables and records, and films; no name of a record opens one.
    assert [script.get("type") for script in outline.all("script") if not script.get("type")] == [None]
    assert page.count("<script") == len(outline.all("script"))
    assert hostile not in page
    assert hostile in [row[4] for row in grids(page)["pairs"]["rows"]]
    assert all("onerror" not in attributes for _, attributes in outline.elements)
    assert all(not (image.get("src") or "").startswith("https") for image in outline.all("img"))
    assert hostile in outline.text


def test_hostile_sources_of_films_stay_text(tmp_path: Path) -> None:
    hostile = "\" onerror='alert(1)'><script>alert(1)</script>"
    run = RunWriter(tmp_path / "run", write_dataset(tmp_path / "dataset", sources=(hostile,)), pairs=1)
    run.add_accepted(0)
    outline = Outline(written(run))

    assert any(hostile in (image.get("alt") or "") for image in outline.all("img"))
    assert all("onerror" not in attributes for _, attributes in outline.elements)
    assert hostile in outline.text


def test_every_film_and_every_row_leads_to_its_record(mixed_run: RunWriter) -> None:
    mixed_run.add_twin(1, accepted=True)
    page = written(mixed_run)

    carried = records(page)
    names = {path.stem: path.read_text() for path in (mixed_run.path / "pairs").glob("*.json")}
    assert carried == names
    opened = {button["data-open-record"] for button in Outline(page).all("button") if "data-open-record" in button}
    assert opened == {"000000", "000001", "000001-placebo", "000002", "000004"}
    assert {row[0] for row in grids(page)["pairs"]["rows"]} == set(names)


def test_a_run_that_goes_on_says_how_far_it_is(make_run: MakeRun) -> None:
    run = make_run(pairs=10)
    run.add_accepted(0)
    run.add_rejected(1, "anomalous", keep=True)

    text = Outline(written(run)).text

    assert "This run has not ended. 2 of 10 pairs have a record so far" in text
    assert "Not ended There is no record of these pairs yet. 8 80 %" in text
    assert "None for these records yet" in text
    assert "No worker has written down its times yet." in text


def test_a_run_without_any_record_has_a_page(make_run: MakeRun) -> None:
    text = Outline(written(make_run(pairs=10))).text

    assert "No pair has ended yet." in text
    assert "This run is at its beginning." in text
    assert "There is no trial yet." in text
    assert "No film was accepted so far." in text


def test_a_run_that_accepted_nothing_has_a_page(make_run: MakeRun) -> None:
    run = make_run(pairs=1)
    run.add_rejected(0, "diverged")
    run.add_timings("worker", {0: 3.0})

    text = Outline(written(run)).text

    assert "No film was accepted." in text
    assert "No film of a rejected trial was kept" in text
    assert "Work per accepted film –" in text  # noqa: RUF001


def test_a_data_set_that_is_gone_is_told_and_outputs_are_shown(mixed_run: RunWriter) -> None:
    (mixed_run.path / "configuration.yaml").write_text("dataset: /nowhere\n", encoding="utf-8")

    outline = Outline(written(mixed_run))

    assert "Some films are not shown. The data set cannot be read: /nowhere: no such folder" in outline.text
    assert len([image for image in outline.all("img") if image.get("src")]) == 5
    assert "Benign films to be changed" not in outline.text


def test_the_page_stays_small_however_many_pairs_there_are(make_run: MakeRun) -> None:
    run = make_run(pairs=300)
    for pair in range(300):
        if pair % 2:
            run.add_accepted(pair)
        else:
            run.add_rejected(pair, "anomalous", "still_benign", keep=True)

    outline = Outline(written(run, accepted=6, rejected=2))

    assert "6 of 150, chosen at even distances" in outline.text
    assert len([image for image in outline.all("img") if image.get("src")]) == 4 * (6 + 2 + 2)
    assert (run.path / "report.html").stat().st_size < 500_000


def test_broken_records_and_several_numerics_are_told(mixed_run: RunWriter) -> None:
    (mixed_run.path / "pairs/000003.json").write_text("{", encoding="utf-8")
    mixed_run.add(5, numerics={"stylizer": [{"slots": 2}]})

    text = Outline(written(mixed_run)).text

    assert "1 record could not be read and is not counted below. pairs/000003.json" in text
    assert "Several kinds took part: another run may differ in its bits." in text


def test_the_page_goes_where_it_is_asked_to(mixed_run: RunWriter, tmp_path: Path) -> None:
    output = tmp_path / "elsewhere" / "page.html"

    assert report(ReportConfiguration(run=mixed_run.address, output=str(output))) == 0

    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert not (mixed_run.path / "report.html").exists()


def test_a_run_that_is_not_there_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"found no run\.json") as caught:
        report(ReportConfiguration(run=str(tmp_path / "nothing")))

    assert exit_code(caught.value) == 2
    assert not (tmp_path / "nothing").exists()


def test_a_data_set_given_that_is_not_there_is_wrong_input(mixed_run: RunWriter, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder") as caught:
        report(ReportConfiguration(run=mixed_run.address, dataset=tmp_path / "nothing"))

    assert exit_code(caught.value) == 2


def test_an_output_that_cannot_be_written_is_wrong_input(mixed_run: RunWriter, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="--output: cannot write") as caught:
        report(ReportConfiguration(run=mixed_run.address, output=str(tmp_path / "file" / "report.html")))

    assert exit_code(caught.value) == 2


def test_the_placebo_stands_beside_the_pairs_also_while_the_run_goes_on(mixed_run: RunWriter) -> None:
    (mixed_run.path / "manifest.json").unlink()
    for pair in (0, 1, 2, 5):
        mixed_run.add_twin(pair, accepted=pair in (0, 2))
    text = Outline(written(mixed_run)).text
    for expected in (
        "Step Pairs Placebo twins",
        "Pairs asked for 6 100 % 4 100 %",
        "Trials scored by both gates 1.6 a tried pair 8 4",
        "Films accepted 3 50 % 2 50 %",
        "The placebo: 2 of 4 twins passed both gates.",
        "Of the 4 that were tried beside their pairs, over 3 content films, 2 pairs and 2 twins passed.",
        "(too few content films for an interval)",
        "conv_5, weights 1 : 100,000, breast, unclamped 100 5 2 40 % 4 2 50 %",
        "Placebo films that passed both gates",
        "Placebo of pair 2",
    ):
        assert expected in text
    assert "No placebo stands beside this rate" not in text


def test_classes_are_counted_by_source_and_after_balancing(mixed_run: RunWriter) -> None:
    text = Outline(written(mixed_run)).text

    assert "phantom 3 2 – 40 %" in text  # noqa: RUF001
    assert "For training, with the accepted films splits train and generation 3 2 3 62 %" in text


def test_figures_say_where_the_scores_of_real_films_come_from(mixed_run: RunWriter) -> None:
    outline = Outline(written(mixed_run))

    assert "Scores of real films come from the run's own records: the 3 benign films" in outline.text
    assert "Trials, 8" in outline.text
    labels = [figure["aria-label"] or "" for figure in outline.all("svg") if figure.get("role") == "img"]
    assert len(labels) == 2
    assert "threshold at 0.500" in labels[0]
    assert "cut-off at 0.700" in labels[1]


def test_films_are_carried_in_16_bit_as_they_are(mixed_run: RunWriter) -> None:
    page = written(mixed_run)
    pictures = [button for button in Outline(page).all("button") if button.get("data-film")]

    assert {button["data-picture"] for button in pictures} == {"content", "style", "output"}
    output = next(button["data-film"] for button in pictures if button["data-picture"] == "output")
    found = re.search(rf'<script type="text/plain" id="{output}">(.*?)</script>', page)
    assert found is not None
    film = decode_png16(base64.b64decode(found[1]))
    assert sha256_pixels(film) == json.loads(records(page)["000000"])["sha256"]
    assert page.count('type="text/plain"') == len({button["data-film"] for button in pictures})


def test_what_has_no_room_is_left_out_and_told(make_run: MakeRun) -> None:
    run = make_run(pairs=500)
    for pair in range(400):
        run.add_accepted(pair)
    page = written(run, accepted=400, rejected=0, megabytes=2)
    outline = Outline(page)

    assert len(page) < 3_000_000
    shown = [panel["data-record"] for panel in outline.all("article") if panel.get("data-record")]
    assert 50 < len(shown) < 400
    assert f"{len(shown)} of 400, chosen at even distances" in outline.text
    assert "Fewer films are shown than were asked for" in outline.text
    assert set(shown) <= set(records(page))
    assert len(grids(page)["pairs"]["rows"]) == 400


def test_an_evaluation_is_shown_and_its_age_told(mixed_run: RunWriter) -> None:
    assert "Not measured yet" in Outline(written(mixed_run)).text
    assert evaluate(EvaluateConfiguration(run=mixed_run.address, draws=10)) == 0
    page = written(mixed_run)
    text = Outline(page).text
    assert "Too few films to say anything: 3 of the set and 2 real malignant ones" in text
    assert "FID and KID were not measured" in text
    assert "0 of 3 accepted films copy a real film, 0 hardly changed." in text
    assert "These numbers are older than the run." not in text
    assert [row[0] for row in grids(page)["near-copies"]["rows"]] == ["000000", "000001", "000004"]
    mixed_run.add_accepted(3)
    assert "They are about 3 accepted films; there are 4 by now." in Outline(written(mixed_run)).text


def test_money_is_told_where_a_price_is_given(mixed_run: RunWriter) -> None:
    assert "turns it into money" in Outline(written(mixed_run)).text
    assert "Cost per accepted film 0.024" in Outline(written(mixed_run, price_per_hour=2.5)).text


def test_models_that_are_not_the_runs_are_refused(mixed_run: RunWriter, tmp_path: Path) -> None:
    write_anomaly(tmp_path / "anomaly.onnx")
    write_classifier(tmp_path / "classifier.onnx")

    with pytest.raises(ModelError, match="found sha256") as caught:
        report(ReportConfiguration(run=mixed_run.address, models=tmp_path))

    assert exit_code(caught.value) == 2
    assert not (mixed_run.path / "report.html").exists()


def test_real_films_are_scored_with_the_runs_own_models(mixed_run: RunWriter, tmp_path: Path) -> None:
    sha256 = {
        "anomaly": write_anomaly(tmp_path / "anomaly.onnx"),
        "classifier": write_classifier(tmp_path / "classifier.onnx"),
    }
    pins = json.loads((mixed_run.path / "run.json").read_text())
    for kind, value in sha256.items():
        pins["models"][kind]["sha256"] = value
    (mixed_run.path / "run.json").write_text(json.dumps(pins))

    text = Outline(written(mixed_run, models=tmp_path)).text

    assert "scored for this page with the run's own model files: 3 benign and 2 malignant films" in text
    assert "Real malignant films, 2" in text
