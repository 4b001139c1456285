import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from services.evaluator.run_directory import RunDirectory
from services.orchestrator.ledger import Ledger, Pins
from shared.errors import DatasetError, NotFoundError
from shared.run import PINNED
from shared.store import Store
from tests.services.evaluator.run_writer import RunWriter


def test_reads_records_films_and_times(mixed_run: RunWriter) -> None:
    run = RunDirectory.open(mixed_run.store)

    assert [record.pair for record in run.records] == [0, 1, 2, 3, 4, 5]
    assert run.complete
    assert run.run_digest == "cd" * 32
    assert run.kept_rejected() == {(2, 1), (2, 2)}
    assert run.timings.seconds == {0: 10.0, 1: 20.0, 2: 30.0, 3: 2.0, 4: 10.0, 5: 30.0}
    assert (run.timings.worker_seconds, run.timings.workers) == (102.0, 2)
    film = run.accepted_film(1)
    assert film is not None
    np.testing.assert_allclose(film, mixed_run.output(1, 2), atol=1e-5)


def test_names_what_the_orchestrator_pins() -> None:
    assert set(PINNED) <= {item.name for item in fields(Pins)}


def test_reads_a_run_that_the_orchestrator_can_sum_up(mixed_run: RunWriter) -> None:
    manifest = Ledger(Store(str(mixed_run.path))).finalise()

    run = RunDirectory.open(mixed_run.store)

    assert run.run_digest == manifest["run_digest"]
    assert run.numerics == manifest["numerics"]


def test_a_folder_without_a_run_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"run: found no run\.json in .*, needed a run directory"):
        RunDirectory.open(Store(str(tmp_path / "nothing")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda pins: [], "found schema version no JSON object, needed 1", id="no object"),
        pytest.param(lambda pins: pins | {"schema_version": 2}, "found schema version 2, needed 1", id="schema"),
        pytest.param(
            lambda pins: {key: value for key, value in pins.items() if key not in ("seed", "models")},
            "found no seed, models",
            id="missing",
        ),
    ],
)
def test_says_what_is_wrong_with_pins(
    mixed_run: RunWriter, change: Callable[[dict[str, object]], object], message: str
) -> None:
    (mixed_run.path / "run.json").write_text(json.dumps(change(mixed_run.pins)), encoding="utf-8")

    with pytest.raises(DatasetError, match=message):
        RunDirectory.open(mixed_run.store)


def test_a_broken_record_does_not_hide_the_others(mixed_run: RunWriter) -> None:
    (mixed_run.path / "pairs/000004.json").write_text("{", encoding="utf-8")

    run = RunDirectory.open(mixed_run.store)

    assert [record.pair for record in run.records] == [0, 1, 2, 3, 5]
    assert len(run.unreadable) == 1
    assert "pairs/000004.json" in run.unreadable[0]


def test_files_that_are_no_records_are_left_alone(mixed_run: RunWriter) -> None:
    for name in (".000004.json.x.part", "notes.json", "000006.json"):
        (mixed_run.path / "pairs" / name).write_text("{", encoding="utf-8")

    run = RunDirectory.open(mixed_run.store)

    assert len(run.records) == 6
    assert run.unreadable == ()


def test_a_manifest_older_than_the_records_gives_no_digest(mixed_run: RunWriter) -> None:
    mixed_run.finalise()
    (mixed_run.path / "pairs/000005.json").unlink()

    assert RunDirectory.open(mixed_run.store).run_digest == ""


def test_a_broken_film_is_as_good_as_none(mixed_run: RunWriter) -> None:
    (mixed_run.path / "accepted/000000.png").write_bytes(b"\x89PNG")

    run = RunDirectory.open(mixed_run.store)

    assert run.accepted_film(0) is None
    assert run.rejected_film(5, 1) is None


@pytest.mark.parametrize("name", ["configuration.yaml", "manifest.json", "timings/first.json"])
def test_what_is_missing_or_broken_beside_the_records_is_left_out(mixed_run: RunWriter, name: str) -> None:
    (mixed_run.path / name).write_text("{[", encoding="utf-8")
    assert len(RunDirectory.open(mixed_run.store).records) == 6

    (mixed_run.path / name).unlink()
    assert len(RunDirectory.open(mixed_run.store).records) == 6


def test_several_kinds_of_numerics_are_told_apart(mixed_run: RunWriter) -> None:
    mixed_run.add(5, numerics={"stylizer": [{"slots": 2}]})

    numerics = RunDirectory.open(mixed_run.store).numerics

    assert len(numerics["stylizer"]) == 2
    assert len(numerics["anomaly"]) == 1
