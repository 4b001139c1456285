from pathlib import Path

import pytest
import structlog
import torch

from services.trainer.checkpoint import Checkpoint, TrainingFolder
from shared.errors import RefusedRunError

IDENTITY = {"kind": "anomaly", "training_set_sha256": "ab", "options": {"epochs": 3, "widths": [4, 8]}}


def folder(path: Path, identity: dict = IDENTITY, *, restart: bool = False) -> TrainingFolder:
    return TrainingFolder(path / "anomaly.training", identity, restart=restart)


def checkpoint(epoch: int = 1) -> Checkpoint:
    return Checkpoint({"weight": torch.arange(3.0), "count": torch.tensor(epoch)}, {"epochs": [{"loss": 0.1}] * epoch})


def test_what_is_written_is_read_to_the_bit(tmp_path: Path):
    folder(tmp_path).file("fit").write(checkpoint(2))
    found = folder(tmp_path).file("fit").read()
    assert found.state["epochs"] == [{"loss": 0.1}] * 2
    assert {key: value.dtype for key, value in found.tensors.items()} == {
        "weight": torch.float32,
        "count": torch.int64,
    }
    assert torch.equal(found.tensors["weight"], torch.arange(3.0))
    assert found.tensors["count"] == 2


def test_looking_leaves_nothing_behind(tmp_path: Path):
    assert folder(tmp_path).file("fit").read() is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (IDENTITY | {"options": {"epochs": 4, "widths": [4, 8]}}, "options.epochs was 3, asked for is 4"),
        (IDENTITY | {"training_set_sha256": "cd"}, "training_set_sha256 was 'ab', asked for is 'cd'"),
        (IDENTITY | {"options": {"epochs": 3}}, r"options.widths was \[4, 8\], asked for is None"),
    ],
    ids=["option", "data-set", "missing"],
)
def test_another_training_is_refused_by_what_differs(identity: dict, message: str, tmp_path: Path):
    folder(tmp_path).file("fit").write(checkpoint())
    with pytest.raises(
        RefusedRunError, match=f"{message}: needed is the same training, another --output, or --restart"
    ):
        folder(tmp_path, identity)
    assert folder(tmp_path).file("fit").read() is not None


def test_restart_throws_away_what_another_training_left(tmp_path: Path):
    folder(tmp_path).file("fit").write(checkpoint())
    assert folder(tmp_path, IDENTITY | {"kind": "classifier"}, restart=True).file("fit").read() is None


def test_a_checkpoint_that_was_put_there_from_another_training_is_refused(tmp_path: Path):
    folder(tmp_path / "one").file("fit").write(checkpoint())
    other = folder(tmp_path / "other", IDENTITY | {"kind": "classifier"})
    other.file("fit").write(checkpoint())
    other.file("fit").path.write_bytes(folder(tmp_path / "one").file("fit").path.read_bytes())
    with pytest.raises(RefusedRunError, match=r"fit\.safetensors: belongs to another training"):
        other.file("fit").read()


@pytest.mark.parametrize("keep", [0, 5, 100], ids=["empty", "stub", "half"])
def test_a_broken_checkpoint_is_refused_with_the_way_out(keep: int, tmp_path: Path):
    file = folder(tmp_path).file("fit")
    file.write(checkpoint())
    file.path.write_bytes(file.path.read_bytes()[:keep])
    with pytest.raises(RefusedRunError, match=r"is no whole checkpoint: .* or --restart"):
        file.read()


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"], ids=["no-json", "no-object", "no-text"])
def test_a_broken_identity_is_refused(text: str, tmp_path: Path):
    folder(tmp_path).file("fit").write(checkpoint())
    (tmp_path / "anomaly.training" / "training.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RefusedRunError, match=r"training\.json"):
        folder(tmp_path)


def test_clearing_removes_what_a_kill_left_and_nothing_of_others(tmp_path: Path):
    training = folder(tmp_path)
    training.file("fit").write(checkpoint())
    (training.folder / ".fit.safetensors.abc.part").write_bytes(b"half")
    (training.folder / "notes.txt").write_text("mine")
    training.clear()
    assert [path.name for path in training.folder.iterdir()] == ["notes.txt"]
    (training.folder / "notes.txt").unlink()
    training.clear()
    assert not training.folder.exists()


def test_other_threads_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = folder(tmp_path).file("fit")
    file.write(checkpoint())
    with structlog.testing.capture_logs() as quiet:
        file.read()
    assert not quiet
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    with structlog.testing.capture_logs() as logs:
        file.read()
    assert logs[0]["log_level"] == "warning"
    assert logs[0]["here"]["threads"] == 77
