"""Records of trajectories: written whole, read back, and refused where they are broken."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.orchestrator.tuning.records import Look, SweepFolder, TrajectoryRecord, file_name
from shared.errors import DatasetError, RefusedRunError
from shared.images import from_uint16
from shared.recipe import LAYERS, Recipe, Region
from tests.services.orchestrator.made import KEPT

RECORD = TrajectoryRecord(
    recipe=Recipe(region=Region.BREAST, style_layers=LAYERS[:2], steps=20),
    pair=3,
    placebo=True,
    content="b1",
    style="b2",
    looks=(
        Look(
            steps=10,
            evaluations=10,
            loss=1.5,
            content_loss=0.5,
            style_loss=1e-5,
            mean_absolute_change=0.01,
            scores=KEPT,
            sha256="a" * 64,
        ),
    ),
    diverged="became NaN",
    numerics={"stylizer": {"slots": 1}},
)
NAME = file_name(3, placebo=True)


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    return SweepFolder(tmp_path)


def write(folder: SweepFolder) -> Path:
    film = from_uint16(np.full((4, 4), 7, dtype=np.uint16))
    folder.write("recipe", NAME, RECORD, films={10: film}, seconds=0.5)
    return folder.path / "trajectories" / "recipe" / f"{NAME}.json"


def test_a_record_is_read_as_it_was_written(folder: SweepFolder) -> None:
    assert not folder.has("recipe", NAME)
    write(folder)
    assert folder.has("recipe", NAME)
    assert folder.read("recipe", NAME) == RECORD
    assert RECORD.look(10) is RECORD.looks[0]
    assert RECORD.look(20) is None
    film = folder.film("recipe", NAME, 10)
    assert film is not None
    assert film.max() == np.float32(7 / 65535)
    assert folder.film("recipe", NAME, 20) is None


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "half of it": (lambda data: data[:40], "is no record of a trajectory"),
    "another schema": (lambda data: data.replace(b'"schema_version": 1', b'"schema_version": 8'), "schema version 8"),
    "without a pair": (lambda data: data.replace(b'"pair"', b'"pear"'), "is no record of a trajectory"),
    "an unknown layer": (lambda data: data.replace(b'"conv_5"', b'"conv_6"'), "found 'conv_6'"),
}


@pytest.mark.parametrize(("damage", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_record_is_named(folder: SweepFolder, damage: Callable[[bytes], bytes], expected: str) -> None:
    path = write(folder)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match=expected):
        folder.read("recipe", NAME)


def test_a_record_that_is_not_there_is_named(folder: SweepFolder) -> None:
    with pytest.raises(DatasetError, match=r"000009-malignant\.json"):
        folder.read("recipe", file_name(9, placebo=False))


def test_a_sweep_goes_on_with_the_pins_that_it_was_begun_with(folder: SweepFolder) -> None:
    folder.pin({"seed": 1, "steps": (10, 20)})
    folder.pin({"seed": 1, "steps": [10, 20]})
    with pytest.raises(RefusedRunError, match=r"steps: begun with \[10, 20\], now \[10\]"):
        folder.pin({"seed": 1, "steps": [10]})
    (folder.path / "sweep.json").write_text("[]")
    with pytest.raises(DatasetError, match="found list"):
        folder.pin({"seed": 1})


def test_the_cost_is_the_median_of_what_was_measured_and_stays(folder: SweepFolder) -> None:
    for pair, seconds in enumerate((0.1, 9.0, 0.3)):
        folder.write("recipe", file_name(pair, placebo=False), RECORD, films={}, seconds=seconds)
    folder.write("recipe", NAME, RECORD, films={}, seconds=None)
    assert folder.cost(np.median) == 0.3
    write(folder)
    assert folder.cost(np.median) == 0.3


def test_a_cost_that_was_not_measured_is_none(folder: SweepFolder) -> None:
    assert folder.cost(np.median) is None


def test_what_the_gates_say_of_contents_is_kept(folder: SweepFolder) -> None:
    assert folder.contents() == {}
    folder.write_contents({"b1": KEPT})
    assert folder.contents() == {"b1": KEPT}
