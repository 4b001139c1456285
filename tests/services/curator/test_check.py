from pathlib import Path

import pytest

from services.curator.check import run
from services.curator.configuration import CheckConfiguration
from shared.errors import DatasetError


def check(path: Path) -> None:
    run(CheckConfiguration(dataset=path, workers=1))


def test_a_good_data_set_is_said_to_be_good(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(prepared)
    printed = capsys.readouterr().out
    assert "nothing is wrong" in printed
    for word in ("phantom", "benign", "malignant", "train", "validation", "generation", "test"):
        assert word in printed


def test_warnings_are_printed_and_are_no_failure(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (prepared / "masks" / "stray.png").write_bytes(b"")
    check(prepared)
    assert "stray.png" in capsys.readouterr().out


def test_errors_are_printed_and_fail(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (prepared / "images" / "PH_00001_LEFT_CC.png").unlink()
    (prepared / "masks" / "PH_00002_LEFT_CC.png").unlink()
    with pytest.raises(DatasetError, match="found 2 errors"):
        check(prepared)
    printed = capsys.readouterr().out
    assert "PH_00001_LEFT_CC" in printed
    assert "PH_00002_LEFT_CC" in printed


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        check(tmp_path / "nothing")


def test_an_unfinished_data_set_is_refused(prepared: Path) -> None:
    (prepared / "dataset.json").unlink()
    with pytest.raises(DatasetError, match="no complete prepared data set"):
        check(prepared)
