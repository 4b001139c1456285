import pytest

from services.evaluator.report.grids import near_copies_grid, pairs_grid, patients_grid
from services.evaluator.run_directory import RunDirectory
from tests.services.evaluator.run_writer import RunWriter


@pytest.fixture
def run(mixed_run: RunWriter) -> RunDirectory:
    mixed_run.add_twin(1, accepted=True)
    return RunDirectory.open(mixed_run.store)


def test_each_pair_and_twin_has_a_row_with_the_trial_that_counts(run: RunDirectory) -> None:
    grid = pairs_grid((*run.records, *run.twins), run.timings.seconds)
    rows = {row[0]: row for row in grid.rows}
    assert list(rows) == ["000000", "000001", "000001-placebo", "000002", "000003", "000004", "000005"]
    names = [name for name, _, _ in grid.columns]
    first, twin, untried = (
        dict(zip(names, rows[name], strict=True)) for name in ("000001", "000001-placebo", "000003")
    )
    assert (first["Outcome"], first["Trials"], first["After"], first["Seconds"]) == ("Accepted", 2, 0.8, 20.0)
    assert (twin["Kind"], twin["Outcome"], twin["Seconds"]) == ("placebo", "Accepted", None)
    assert (untried["Outcome"], untried["Trials"], untried["After"]) == ("Content not benign", 0, None)
    assert all(len(row) == len(grid.columns) for row in grid.rows)


def test_patients_are_counted_on_either_side(run: RunDirectory) -> None:
    rows = {(row[0], row[1]): row[2:] for row in patients_grid(run.records).rows}
    # Pairs 0 and 3 have the first content, pairs 0, 2 and 4 the first style.
    assert rows["patient-0", "content"] == (1, 2, 1, 1, pytest.approx(1 / 3, abs=1e-4))
    assert rows["patient-3", "style"] == (1, 3, 3, 2, pytest.approx(2 / 3, abs=1e-4))
    assert patients_grid(()).rows == ()


def test_near_copies_name_their_flags_and_leave_out_what_is_not_known() -> None:
    row = {
        "pair": 7,
        "nearest": "film-1",
        "nearest_patient": "patient-1",
        "nearest_distance": float("inf"),
        "content_distance": None,
        "style_distance": 0.5,
        "change": 0.001,
        "copied": True,
        "unchanged": True,
    }
    (found,) = near_copies_grid([row]).rows
    assert found == ("000007", "copies, hardly changed", "film-1", "patient-1", None, None, 0.5, 0.001)
    assert near_copies_grid([row | {"copied": False, "unchanged": False}]).rows[0][1] == ""
