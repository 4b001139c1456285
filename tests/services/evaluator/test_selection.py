import pytest

from services.evaluator.run_directory import RunDirectory
from services.evaluator.selection import choose_accepted, choose_rejected, spread
from tests.services.evaluator.run_writer import RunWriter


@pytest.mark.parametrize(
    ("items", "limit", "expected"),
    [
        pytest.param([1, 2, 3], 5, [1, 2, 3], id="fewer than asked for"),
        pytest.param(list(range(10)), 2, [2, 7], id="even distances"),
        pytest.param(list(range(10)), 1, [5], id="the middle one"),
        pytest.param(list(range(3)), 0, [], id="none"),
        pytest.param([], 3, [], id="nothing there"),
    ],
)
def test_spreads_a_choice_over_all(items: list[int], limit: int, expected: list[int]) -> None:
    assert spread(items, limit) == expected


def test_chooses_accepted_pairs_with_the_trial_that_was_kept(mixed_run: RunWriter) -> None:
    chosen = choose_accepted(RunDirectory.open(mixed_run.store).records, 10)

    assert [(record.pair, trial.trial) for record, trial in chosen] == [(0, 1), (1, 2), (4, 1)]


def test_chooses_rejected_trials_by_reason_where_their_film_was_kept(mixed_run: RunWriter) -> None:
    run = RunDirectory.open(mixed_run.store)

    chosen = choose_rejected(run.records, run.kept_rejected(), 4)

    found = {reason: [(record.pair, trial.trial) for record, trial in group] for reason, group in chosen.items()}
    assert found == {"anomalous": [(2, 1)], "low_confidence": [(2, 2)]}


def test_a_pair_is_shown_once_for_a_reason_and_each_reason_a_few_times(mixed_run: RunWriter) -> None:
    for pair in (2, 3, 5):
        mixed_run.add_rejected(pair, "anomalous", "anomalous", keep=True)
    run = RunDirectory.open(mixed_run.store)

    chosen = choose_rejected(run.records, run.kept_rejected(), 2)

    assert [(record.pair, trial.trial) for record, trial in chosen["anomalous"]] == [(2, 1), (5, 1)]
    assert choose_rejected(run.records, run.kept_rejected(), 0) == {}
