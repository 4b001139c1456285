"""What of a run may be exported."""

from pathlib import Path

import pytest
import structlog

from services.curator.export.harvest import Harvest
from shared.errors import ConfigurationError, DatasetError, NotFoundError
from shared.store import Store
from tests.services.curator.export.made_run import ACCEPTED, veto, write_dataset
from tests.services.evaluator.run_writer import RunWriter


def pairs(harvest: Harvest) -> tuple[int, ...]:
    return tuple(record.pair for record in harvest.accepted)


def test_accepted_films_are_exported_and_placebo_and_rejected_ones_are_not(run: RunWriter) -> None:
    harvest = Harvest.gather(str(run.path), None, partial=False)

    assert pairs(harvest) == ACCEPTED
    assert harvest.dataset.sha256 == run.dataset.sha256
    assert harvest.vetoed == 0


def test_a_vetoed_film_is_left_out_and_counted(run: RunWriter) -> None:
    veto(run, 4)

    harvest = Harvest.gather(str(run.path), None, partial=False)

    assert pairs(harvest) == (0, 1, 2, 5, 7)
    assert harvest.vetoed == 1


def test_a_run_that_is_not_complete_is_refused(run: RunWriter) -> None:
    (run.path / "pairs/000005.json").unlink()

    with pytest.raises(ConfigurationError, match=r"found 7 of 8 pairs recorded, needed all; .* with --partial"):
        Harvest.gather(str(run.path), None, partial=False)


def test_a_run_that_is_not_complete_is_exported_with_a_warning_when_asked_for(run: RunWriter) -> None:
    (run.path / "pairs/000005.json").unlink()

    with structlog.testing.capture_logs() as logs:
        harvest = Harvest.gather(str(run.path), None, partial=True)

    assert pairs(harvest) == (0, 1, 2, 4, 7)
    assert "found 7 of 8 pairs recorded" in logs[-1]["event"]


def test_a_broken_record_makes_a_run_incomplete_and_is_named(run: RunWriter) -> None:
    (run.path / "pairs/000005.json").write_text("{", encoding="utf-8")

    with structlog.testing.capture_logs() as logs, pytest.raises(ConfigurationError, match="found 7 of 8 pairs"):
        Harvest.gather(str(run.path), None, partial=False)

    assert any("pairs/000005.json" in line["event"] for line in logs)


def test_another_data_set_than_the_runs_is_refused(run: RunWriter, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", pixel_spacing=(1.0, 1.0))

    with pytest.raises(DatasetError, match=r"other: found sha256 .*, needed the run's"):
        Harvest.gather(str(run.path), other.path, partial=False)


def test_a_run_that_names_no_data_set_needs_one(run: RunWriter) -> None:
    (run.path / "configuration.yaml").unlink()

    with pytest.raises(ConfigurationError, match="--dataset: is needed"):
        Harvest.gather(str(run.path), None, partial=False)
    assert pairs(Harvest.gather(str(run.path), run.dataset.path, partial=False)) == ACCEPTED


def test_a_run_on_object_storage_is_read_there(run: RunWriter, bucket: str) -> None:
    store = Store(bucket)
    for file in run.path.rglob("*.*"):
        store.write(str(file.relative_to(run.path)), file.read_bytes())

    harvest = Harvest.gather(bucket, None, partial=False)

    assert pairs(harvest) == ACCEPTED
    assert harvest.run.accepted_png(harvest.accepted[0])[0] == (run.path / "accepted/000000.png").read_bytes()


def test_a_place_without_a_run_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"found no run\.json"):
        Harvest.gather(str(tmp_path), None, partial=False)
