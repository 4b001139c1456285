from collections.abc import Callable
from pathlib import Path

import pytest

from services.curator.check import run
from services.curator.configuration import CheckConfiguration
from shared.errors import DatasetError

Prepare = Callable[..., Path]


def check(path: Path) -> None:
    run(CheckConfiguration(dataset=path, workers=1))


def test_a_good_data_set_is_said_to_be_good(
    prepare_phantoms: Prepare, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = prepare_phantoms(tmp_path / "dataset")
    capsys.readouterr()
    check(path)
    printed = capsys.readouterr().out
    assert "nothing is wrong" in printed
    for word in ("phantom", "benign", "malignant", "train", "validation", "generation", "test"):
        assert word in printed


def test_warnings_are_printed_and_are_no_failure(
    prepare_phantoms: Prepare, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = prepare_phantoms(tmp_path / "dataset")
    (path / "masks" / "stray.png").write_bytes(b"")
    check(path)
    assert "stray.png" in capsys.readouterr().out


def test_errors_are_printed_and_fail(
    prepare_phantoms: Prepare, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = prepare_phantoms(tmp_path / "dataset")
    (path / "images" / "PH_00001_LEFT_CC.png").unlink()
    (path / "masks" / "PH_00002_LEFT_CC.png").unlink()
    with pytest.raises(DatasetError, match="found 2 errors"):
        check(path)
    printed = capsys.readouterr().out
    assert "PH_00001_LEFT_CC" in printed
    assert "PH_00002_LEFT_CC" in printed


@pytest.mark.parametrize("name", ["nothing", "unfinished"])
def test_a_folder_that_is_no_complete_data_set_is_refused(prepare_phantoms: Prepare, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "unfinished":
        (prepare_phantoms(path) / "dataset.json").unlink()
    with pytest.raises(DatasetError, match=r"no such folder|no complete prepared data set"):
        check(path)
