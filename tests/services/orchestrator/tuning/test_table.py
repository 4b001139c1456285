"""Tables: the policy's settings first, then the best of the others."""

import csv
import io

import pyarrow.parquet as pq
import pytest

from services.orchestrator.tuning.outcomes import describe
from services.orchestrator.tuning.policy_file import tune
from services.orchestrator.tuning.table import RankedRow, as_csv, as_parquet, as_records, print_table, rank
from tests.services.orchestrator.tuning.made_outcomes import ONE, THREE, TWO, at, outcomes

FOUND = outcomes(
    {
        at(THREE, 10): ([], [0, 1]),
        at(TWO, 20): ([2], []),
        at(ONE, 10): ([0, 1], []),
        at(ONE, 20): ([0, 1], []),
    }
)


@pytest.fixture
def ranked() -> tuple[RankedRow, ...]:
    return rank(describe(FOUND), tune(FOUND))


def test_the_policys_settings_stand_first_in_its_order(ranked: tuple[RankedRow, ...]) -> None:
    assert [item.row.recipe for item in ranked] == [at(ONE, 10), at(TWO, 20), at(ONE, 20), at(THREE, 10)]
    assert [item.trial for item in ranked] == [1, 2, None, None]


def test_seconds_are_evaluations_times_the_cost_of_one(ranked: tuple[RankedRow, ...]) -> None:
    records = as_records(ranked, 0.25)
    assert [record["seconds_a_film"] for record in records] == [2.5, 5.0, 5.0, 2.5]
    assert records[0]["excess_per_100_seconds"] == 100 * 0.5 / 2.5
    assert as_records(ranked, None)[0]["seconds_a_film"] is None
    assert as_records(ranked, None)[0]["excess_per_100_seconds"] is None


def test_both_files_hold_every_row(ranked: tuple[RankedRow, ...]) -> None:
    records = as_records(ranked, 0.25)
    rows = list(csv.DictReader(io.StringIO(as_csv(records).decode())))
    assert [row["trial"] for row in rows] == ["1", "2", "", ""]
    assert [float(row["acceptance_difference"]) for row in rows] == [0.5, 0.25, 0.5, -0.5]
    assert rows[0]["acceptance_difference_low"] == ""
    assert rows[0]["style_layers"] == "conv_1+conv_2+conv_3+conv_4+conv_5"
    assert rows[0]["anomaly"] == ""
    table = pq.read_table(io.BytesIO(as_parquet(records))).to_pylist()
    assert [row["policy_taken"] for row in table] == [0.5, 0.25, None, None]


def test_the_printed_table_shows_both_arms_side_by_side(
    ranked: tuple[RankedRow, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(ranked, 0.25, title="sweep [x]")
    shown = capsys.readouterr().out
    assert "sweep [x]" in shown
    line = next(line for line in shown.splitlines() if "film conv_5 1:100000" in line and " 10 " in line)
    assert "50%|0%" in line
    assert "+0.50" in line
