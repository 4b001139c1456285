"""Films that people vetoed, on the page."""

import json

import pytest

from services.evaluator.configuration import EvaluateConfiguration, ReportConfiguration
from services.evaluator.evaluate import run as evaluate
from services.evaluator.report.command import run as report
from shared.errors import DatasetError
from tests.services.evaluator.run_writer import RunWriter


def veto(run: RunWriter, pair: int, reason: str, **changes: object) -> None:
    sha256 = json.loads((run.path / f"pairs/{pair:06d}.json").read_bytes())["sha256"]
    entry = {"pair": pair, "sha256": sha256, "reason": reason} | changes
    (run.path / "vetoed.json").write_text(json.dumps({"schema_version": 1, "vetoed": [entry]}))


def written(run: RunWriter) -> str:
    assert report(ReportConfiguration(run=run.address)) == 0
    return " ".join((run.path / "report.html").read_text(encoding="utf-8").split())


def test_vetoed_films_are_counted_and_named_and_balance_no_class(mixed_run: RunWriter) -> None:
    assert "Films vetoed" not in written(mixed_run)
    veto(mixed_run, 1, "doubled <skin> line")

    page = written(mixed_run)

    assert page.count("Films vetoed") == 1
    row = page[page.index("Films vetoed") :]
    assert '<span class="count">1</span>' in row[: row.index("</tr>")]
    assert page.count("Vetoed: doubled &lt;skin&gt; line") == 1
    balance = page[page.index("For training, with the accepted films") :]
    assert '<td role="cell" class="number">2</td>' in balance[: balance.index("</tr>")]


def test_an_evaluation_is_older_than_a_veto_and_then_tells_it(mixed_run: RunWriter) -> None:
    assert evaluate(EvaluateConfiguration(run=mixed_run.address, draws=10)) == 0
    assert "older than the run" not in written(mixed_run)
    veto(mixed_run, 1, "")
    old = "They are about 3 accepted films; there are 2 by now, vetoed ones left out."
    assert old in written(mixed_run)
    assert evaluate(EvaluateConfiguration(run=mixed_run.address, draws=10)) == 0
    assert "older than the run" not in written(mixed_run)
    assert "1 accepted film was vetoed, and left out." in written(mixed_run)


def test_a_veto_of_another_film_is_never_ignored(mixed_run: RunWriter) -> None:
    veto(mixed_run, 1, "", sha256="0" * 64)

    with pytest.raises(DatasetError, match="pair 1: found the film"):
        report(ReportConfiguration(run=mixed_run.address))
