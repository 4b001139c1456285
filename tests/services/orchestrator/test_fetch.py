"""A folder of object storage as a folder of this machine."""

from pathlib import Path

import fsspec
import pytest

from services.orchestrator import fetch
from services.orchestrator.configuration import FetchConfiguration
from shared.errors import ConfigurationError, NotFoundError, UnavailableError


def fetched(source: str, target: Path) -> int:
    return fetch.run(FetchConfiguration(source=source, target=target))


@pytest.fixture
def stored(bucket: str) -> str:
    files = fsspec.filesystem("s3")
    files.pipe_file(f"{bucket}/anomaly.onnx", b"first")
    files.pipe_file(f"{bucket}/images/b1.png", b"second")
    files.pipe_file(f"{bucket}-other/never.png", b"third")
    return bucket


def test_every_file_is_copied_with_its_folder(stored: str, tmp_path: Path) -> None:
    assert fetched(f"{stored}/", tmp_path / "models") == 0
    found = {str(path.relative_to(tmp_path / "models")): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert found == {"anomaly.onnx": b"first", "images/b1.png": b"second"}


def test_a_second_time_brings_what_has_changed(stored: str, tmp_path: Path) -> None:
    assert fetched(stored, tmp_path) == 0
    fsspec.filesystem("s3").pipe_file(f"{stored}/anomaly.onnx", b"newer")
    assert fetched(stored, tmp_path) == 0
    assert (tmp_path / "anomaly.onnx").read_bytes() == b"newer"


def test_a_folder_that_is_not_there_is_not_found(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="found nothing in s3://"):
        fetched(f"{bucket}/nowhere", tmp_path)


def test_a_scheme_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot use 'nothing://bucket'"):
        fetched("nothing://bucket", tmp_path)


def test_a_place_that_cannot_be_written_to_is_told(stored: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot copy s3://"):
        fetched(stored, tmp_path / "file")
