from services.evaluator.report.gate_figures import gate_figures
from services.evaluator.report.real_scores import RealScores
from services.evaluator.run_directory import RunDirectory
from shared.record import Scores
from tests.services.evaluator.run_writer import THRESHOLDS, RunWriter


def test_a_content_that_was_drawn_twice_counts_once(mixed_run: RunWriter) -> None:
    figures = gate_figures(RunDirectory.open(mixed_run.store).records, THRESHOLDS, None)
    assert figures.anomaly is not None
    assert {series.name: series.total for series in figures.anomaly.series} == {
        "Real benign films": 3,
        "Trials": 8,
        "Accepted films": 3,
    }
    assert "the 3 benign films that were drawn as content, and none of the malignant ones" in figures.origin


def test_films_scored_for_the_page_take_the_place_of_the_records(mixed_run: RunWriter) -> None:
    scores = Scores(anomaly=0.4, probability=0.9, logit=2.2)
    scored = RealScores((scores,), (scores, scores), ("validation",), of=9)
    figures = gate_figures(RunDirectory.open(mixed_run.store).records, THRESHOLDS, scored)
    assert figures.malignancy is not None
    totals = {series.name: series.total for series in figures.malignancy.series}
    assert (totals["Real benign films"], totals["Real malignant films"]) == (1, 2)
    assert figures.malignancy.threshold == 0.7
    assert "1 benign and 2 malignant films of the splits validation, spread evenly over 9." in figures.origin


def test_without_any_score_there_is_no_figure() -> None:
    figures = gate_figures((), THRESHOLDS, None)
    assert (figures.anomaly, figures.malignancy) == (None, None)
