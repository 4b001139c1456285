"""Packing the records of a run, complete or not."""

import shutil
from pathlib import Path

import pytest

from services.orchestrator import finalise
from services.orchestrator.configuration import FinaliseConfiguration
from shared.errors import NotFoundError
from tests.services.orchestrator.small_runs import Run, bytes_of, manifest


def test_finalise_packs_what_is_there_and_gives_the_same_again(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.output, copy)
    for name in ("manifest.json", "ledger.parquet", "pairs/000003.json"):
        (copy / name).unlink()
    assert finalise.run(FinaliseConfiguration(run=str(copy))) == 0
    assert (manifest(copy)["complete"], manifest(copy)["first_missing"]) == (False, [3])
    shutil.copy(run.output / "pairs" / "000003.json", copy / "pairs")
    assert finalise.run(FinaliseConfiguration(run=str(copy))) == 0
    packed = ("manifest.json", "ledger.parquet")
    assert bytes_of(copy, *packed) == bytes_of(run.output, *packed)


def test_where_there_is_no_run_nothing_is_packed(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"found no run\.json"):
        finalise.run(FinaliseConfiguration(run=str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()
