"""The folder of a battery: written, read back, and refused where it does not hold."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.battery import Battery, BatteryFilm, BatteryWriter, Kind, LeftOut
from shared.battery.folder import film_file
from shared.errors import DatasetError, RefusedRunError
from shared.images import from_uint16, sha256_pixels

SIZE = 32
PIXELS = from_uint16(np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE) * 60)
MASK = PIXELS > 0.2
WANTED = [("noise", "b1"), ("granular", "b1"), ("granular", "m1")]


def begin(path: Path, **changes: Any) -> BatteryWriter:
    values: dict[str, Any] = {
        "dataset_sha256": "a" * 64,
        "size": SIZE,
        "seed": 3,
        "split": "validation",
        "kinds": [
            Kind(name="noise", stylised=False, parameters={"strength": 0.25}),
            Kind(name="granular", stylised=True),
        ],
        "plan": WANTED,
    }
    return BatteryWriter(path, **(values | changes))


def entry(kind: str, content: str) -> BatteryFilm:
    return BatteryFilm(
        kind=kind,
        content=content,
        patient_id="p1",
        label="benign",
        donor="m2",
        file=film_file(kind, content),
        sha256=sha256_pixels(PIXELS),
        mean_absolute_change=0.5,
        numerics={"slots": 2},
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    writer = begin(tmp_path / "battery")
    writer.write_film(entry("noise", "b1"), PIXELS, MASK)
    writer.write_film(entry("granular", "b1"), PIXELS, MASK)
    writer.leave_out(LeftOut(kind="granular", content="m1", donor="m2", reason="became NaN"))
    writer.finish(WANTED)
    return tmp_path / "battery"


def test_a_battery_is_read_as_it_was_written(made: Path) -> None:
    battery = Battery.open(made)
    assert (battery.size, battery.seed, battery.split, battery.dataset_sha256) == (SIZE, 3, "validation", "a" * 64)
    assert list(battery.kinds) == ["noise", "granular"]
    assert battery.kinds["noise"].parameters == {"strength": 0.25}
    assert battery.films == (entry("noise", "b1"), entry("granular", "b1"))
    assert battery.of_kind("granular") == (entry("granular", "b1"),)
    assert battery.left_out == (LeftOut(kind="granular", content="m1", donor="m2", reason="became NaN"),)
    np.testing.assert_array_equal(battery.pixels(battery.films[0]), PIXELS)
    np.testing.assert_array_equal(battery.mask(battery.films[0]), MASK)


def test_a_finished_battery_is_left_as_it_is_and_knows_that_it_is_finished(made: Path) -> None:
    assert begin(made).finished
    assert not (made / "making.json").exists()


def test_a_battery_is_not_complete_while_a_film_is_missing(tmp_path: Path) -> None:
    writer = begin(tmp_path)
    writer.write_film(entry("noise", "b1"), PIXELS, MASK)
    assert writer.entry("noise", "b1") == entry("noise", "b1")
    assert writer.entry("granular", "b1") is None
    with pytest.raises(DatasetError, match=r"films/granular/b1\.png was not made"):
        writer.finish(WANTED)
    with pytest.raises(DatasetError, match="no complete battery: its making has not ended"):
        Battery.open(tmp_path)


@pytest.mark.parametrize(
    "changes", [{"seed": 4}, {"size": 64}, {"dataset_sha256": "b" * 64}, {"plan": []}, {"kinds": []}]
)
def test_another_battery_is_not_mixed_into_one_that_was_begun(made: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(RefusedRunError, match=f"was begun with another {next(iter(changes))}"):
        begin(made, **changes)


def edit(made: Path, change: Callable[[dict[str, Any]], None]) -> None:
    info = json.loads((made / "battery.json").read_text())
    change(info)
    (made / "battery.json").write_text(json.dumps(info))


TABLES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another schema": (lambda info: info.update(schema_version=9), "found schema version 9, needed 1"),
    "no size": (lambda info: info.pop("size"), "no table of a battery.*size"),
    "a size in words": (lambda info: info.update(size="big"), "size 'big'.*needed whole numbers"),
    "no film": (lambda info: info.update(films=[]), "holds no film"),
    "a film without its hash": (lambda info: info["films"][0].pop("sha256"), "no table of a battery.*sha256"),
    "a film with more": (lambda info: info["films"][0].update(more=1), "no table of a battery.*more"),
    "a hash that is a number": (lambda info: info["films"][0].update(sha256=7), "sha256: found 7, needed text"),
    "an unknown kind": (lambda info: info["films"][0].update(kind="holes"), "found kind 'holes'"),
    "a way out": (lambda info: info["films"][0].update(content="../b1"), "image_id: found '../b1'"),
    "another file": (lambda info: info["films"][0].update(file="films/x.png"), "found the file 'films/x.png'"),
    "a film twice": (lambda info: info["films"].append(info["films"][0]), "each once"),
}


@pytest.mark.parametrize(("change", "expected"), TABLES.values(), ids=TABLES)
def test_a_table_that_does_not_hold_is_refused(
    made: Path, change: Callable[[dict[str, Any]], None], expected: str
) -> None:
    edit(made, change)
    with pytest.raises(DatasetError, match=expected):
        Battery.open(made)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda made: made.rename(made.parent / "away"), "no such folder"),
    "no table": (lambda made: (made / "battery.json").unlink(), "no battery.json in it"),
    "no JSON": (lambda made: (made / "battery.json").write_text("{"), "cannot be read"),
    "a list": (lambda made: (made / "battery.json").write_text("[]"), "found schema version list"),
    "no film": (lambda made: (made / "films/noise/b1.png").unlink(), "is not there"),
    "no mask": (lambda made: (made / "masks/b1.png").unlink(), "is not there"),
}


@pytest.mark.parametrize(("damage", "expected"), FILES.values(), ids=FILES)
def test_a_folder_in_which_something_is_missing_is_refused(
    made: Path, damage: Callable[[Path], object], expected: str
) -> None:
    damage(made)
    with pytest.raises(DatasetError, match=expected):
        Battery.open(made)


def test_pixels_that_have_changed_are_refused(made: Path) -> None:
    battery = Battery.open(made)
    begin(made.parent / "other").write_film(entry("noise", "b1"), PIXELS[::-1].copy(), MASK)
    (made.parent / "other" / "films/noise/b1.png").replace(made / "films/noise/b1.png")
    with pytest.raises(DatasetError, match="pixels have changed"):
        battery.pixels(battery.films[0])
    (made / "films/noise/b1.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="cannot be read"):
        battery.pixels(battery.films[0])
