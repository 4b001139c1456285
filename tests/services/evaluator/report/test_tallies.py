import pytest

from services.evaluator.report import tallies
from services.evaluator.report.tallies import Count, Funnel
from services.evaluator.run_directory import RunDirectory
from tests.services.evaluator.run_writer import RunWriter


@pytest.fixture
def run(mixed_run: RunWriter) -> RunDirectory:
    return RunDirectory.open(mixed_run.store)


def test_counts_pairs_down_to_accepted_films(run: RunDirectory) -> None:
    assert tallies.funnel(8, run.records) == Funnel(
        asked=8, ended=6, tried=5, trials=8, accepted=3, contents=2, styles=2, patients=4
    )


def test_counts_pairs_by_how_they_ended(run: RunDirectory) -> None:
    assert tallies.decisions(8, run.records) == [
        Count("accepted", 3, 8),
        Count("exhausted", 2, 8),
        Count("content_not_benign", 1, 8),
        Count("not_ended", 2, 8),
    ]


def test_counts_trials_by_their_weightiest_reason(run: RunDirectory) -> None:
    assert tallies.trial_reasons(run.records) == [
        Count("accepted", 3, 8, 3),
        Count("still_benign", 3, 8, 3),
        Count("anomalous", 1, 8, 1),
        Count("low_confidence", 1, 8, 1),
    ]


def test_a_further_reason_is_counted_apart(mixed_run: RunWriter) -> None:
    mixed_run.add(5, trials=[mixed_run.trial(5, 1, ["unchanged", "still_benign"])])
    counts = {count.name: count for count in tallies.trial_reasons(RunDirectory.open(mixed_run.store).records)}

    assert (counts["unchanged"].count, counts["unchanged"].among) == (1, 1)
    assert (counts["still_benign"].count, counts["still_benign"].among) == (1, 2)


def test_counts_how_each_recipe_did(run: RunDirectory, mixed_run: RunWriter) -> None:
    first, second = tallies.trial_tallies(run.pins["policy"], run.records)

    assert (first.tried, first.accepted, first.share) == (5, 2, 0.4)
    assert (second.tried, second.accepted) == (3, 1)
    assert first.recipe["steps"] == 100
    assert second.probability == pytest.approx(0.8)
    assert second.anomaly == pytest.approx(0.35)


def test_a_recipe_without_trials_is_told_as_the_policy_has_it(run: RunDirectory) -> None:
    first, _ = tallies.trial_tallies(run.pins["policy"], ())

    assert (first.tried, first.share, first.probability, first.change) == (0, 0.0, None, None)
    assert first.recipe["region"] == "breast"
    assert first.recipe["optimizer"] == "unclamped"


def test_diverged_trials_have_no_part_in_medians(mixed_run: RunWriter) -> None:
    trial = mixed_run.trial(5, 1, ["diverged"]) | {"scores": None, "mean_absolute_change": 0.0}
    mixed_run.add(5, trials=[trial])
    run = RunDirectory.open(mixed_run.store)

    first, _ = tallies.trial_tallies(run.pins["policy"], run.records)

    assert first.tried == 5
    assert first.change == pytest.approx(0.0123)


def test_sums_up_the_time(run: RunDirectory) -> None:
    timings = run.timings
    pace = tallies.pace(timings.seconds, timings.worker_seconds, timings.workers, run.records)

    assert pace is not None
    assert (pace.timed, pace.workers, pace.total, pace.longest) == (6, 2, 102.0, 30.0)
    assert pace.median == 15.0
    assert pace.per_pair == 17.0
    assert pace.per_accepted == 34.0


def test_without_times_there_is_no_pace_and_without_accepted_no_price(run: RunDirectory) -> None:
    assert tallies.pace({}, 0.0, 0, run.records) is None
    rejected_only = tallies.pace({3: 2.0}, 2.0, 1, run.records)
    assert rejected_only is not None
    assert rejected_only.per_accepted is None


def test_nothing_is_a_share_of_nothing() -> None:
    assert Count("accepted", 0, 0).share == 0.0
    assert tallies.trial_reasons(()) == []
