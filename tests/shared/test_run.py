"""Reading a run, wherever it lies."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shared.errors import DatasetError, NotFoundError
from shared.images import encode_png16
from shared.run import Run
from shared.store import Store
from tests.services.evaluator.run_writer import RunWriter, write_dataset


@pytest.fixture
def written(tmp_path: Path) -> RunWriter:
    """Four pairs: two accepted, one rejected, one without a record; and a twin that passed both gates."""
    run = RunWriter(tmp_path / "written", write_dataset(tmp_path / "dataset"), pairs=4)
    run.add_accepted(0)
    run.add_accepted(2, at=2)
    run.add_rejected(1, "still_benign")
    twin = run.add_accepted(3, placebo=True)
    (run.path / "pairs/000003.json").unlink()
    (run.path / "accepted/000003.png").unlink()
    (run.path / "pairs/000003-placebo.json").write_text(json.dumps(twin), encoding="utf-8")
    return run


@pytest.mark.parametrize("storage", ["folder", "memory", "bucket"])
def test_a_run_reads_the_same_in_a_folder_in_memory_and_on_object_storage(
    written: RunWriter, storage: str, request: pytest.FixtureRequest
) -> None:
    store = Store(request.getfixturevalue(storage))
    for file in written.path.rglob("*.*"):
        store.write(str(file.relative_to(written.path)), file.read_bytes())

    run = Run.open(store)

    assert [record.pair for record in run.records] == [0, 1, 2]
    assert [record.pair for record in run.accepted] == [0, 2]
    assert not run.complete
    assert run.options["dataset"] == str(written.dataset.path)
    data, film = run.accepted_png(run.accepted[1])
    assert data == (written.path / "accepted/000002.png").read_bytes()
    np.testing.assert_allclose(film, written.output(2, 2), atol=1e-5)


def test_a_placebo_record_under_the_name_of_a_pair_is_not_accepted(written: RunWriter) -> None:
    written.add_accepted(3, placebo=True)

    assert [record.pair for record in Run.open(Store(str(written.path))).accepted] == [0, 2]


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda file: file.unlink(), r"accepted/000000\.png: cannot be read"),
    "truncated": (lambda file: file.write_bytes(file.read_bytes()[:60]), r"accepted/000000\.png: cannot be read"),
    "another film": (
        lambda file: file.write_bytes(encode_png16(np.zeros((32, 32), np.float32))),
        r"accepted/000000\.png: found pixels of sha256 .*, needed those that were recorded",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), BROKEN.values(), ids=BROKEN)
def test_a_film_that_is_not_the_recorded_one_is_refused(
    written: RunWriter, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(written.path / "accepted/000000.png")
    run = Run.open(Store(str(written.path)))

    with pytest.raises(DatasetError, match=message):
        run.accepted_png(run.accepted[0])


def test_a_place_without_a_run_is_not_found(memory: str) -> None:
    with pytest.raises(NotFoundError, match=r"run: found no run\.json in memory://"):
        Run.open(Store(memory))
