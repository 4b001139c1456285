"""A battery made by the command, with a real stylizer; killed, continued, refused."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.orchestrator.battery import make, plan
from services.orchestrator.battery.plan import STYLISED
from services.orchestrator.configuration import BatteryConfiguration
from shared.battery import SPOILERS, Battery
from shared.errors import DatasetError, ModelMismatchError, NumericalError, RefusedRunError
from shared.images import sha256_pixels
from shared.recipe import Recipe
from tests.services.orchestrator.small_runs import Workshop

KINDS = [*SPOILERS, *STYLISED]


def configuration(workshop: Workshop, output: Path, **changes: Any) -> BatteryConfiguration:
    values: dict[str, Any] = {
        "dataset": workshop.dataset.path,
        "output": output,
        "films": 3,
        "stylised_films": 2,
        "most_steps": 6,
        "split": "generation",
        "seed": 5,
        "stylizer": workshop.services["stylizer"],
    }
    return BatteryConfiguration(**(values | changes))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent.name != "logs" and not path.name.startswith(".")
    }


@pytest.fixture(scope="module")
def made(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "battery"
    assert make.run(configuration(workshop, output)) == 0
    return output


def test_a_battery_holds_films_of_every_kind(workshop: Workshop, made: Path) -> None:
    battery = Battery.open(made)
    assert battery.dataset_sha256 == workshop.dataset.sha256
    assert [len(battery.of_kind(kind)) for kind in KINDS] == [3] * len(SPOILERS) + [2] * len(STYLISED)
    for film in battery.films:
        pixels, mask = battery.pixels(film), battery.mask(film)
        original = workshop.dataset.pixels(film.content)
        np.testing.assert_array_equal(mask, workshop.dataset.mask(film.content))
        assert sha256_pixels(pixels) == film.sha256 != workshop.dataset.film(film.content).sha256
        assert film.mean_absolute_change == pytest.approx(np.abs(pixels - original)[mask].mean(), abs=1e-5)
        stylised = film.kind in STYLISED
        assert (film.evaluations > 0, bool(film.trunk_sha256), bool(film.numerics)) == (stylised,) * 3
        if battery.kinds[film.kind].parameters.get("region") != "film":
            np.testing.assert_array_equal(pixels[~mask], original[~mask])


def test_the_same_command_leaves_a_finished_battery_alone(workshop: Workshop, made: Path) -> None:
    before = contents(made)
    assert make.run(configuration(workshop, made, stylizer="127.0.0.1:1")) == 0
    assert contents(made) == before


@pytest.mark.parametrize("lost", [("records/noise", "records/granular"), ("records", "films", "masks")], ids=str)
def test_what_is_missing_is_made_again_to_the_bit(
    workshop: Workshop, made: Path, tmp_path: Path, lost: tuple[str, ...]
) -> None:
    again = tmp_path / "battery"
    for name, data in contents(made).items():
        if not name.startswith((*lost, "battery.json")):
            (again / name).parent.mkdir(parents=True, exist_ok=True)
            (again / name).write_bytes(data)
    assert make.run(configuration(workshop, again)) == 0
    assert contents(again) == contents(made)


def test_of_a_shared_trajectory_only_the_films_that_are_missing_are_written(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "STYLISED", {"short": Recipe(steps=3), "long": Recipe(steps=6)})
    values = configuration(workshop, tmp_path, films=1)
    assert make.run(values) == 0
    whole = contents(tmp_path)
    (tmp_path / "battery.json").unlink()
    long, short = (sorted((tmp_path / "records" / kind).iterdir())[0] for kind in ("long", "short"))
    long.unlink()
    marked = short.read_bytes().replace(b'"slots": 2', b'"slots": 7')
    short.write_bytes(marked)
    assert make.run(values) == 0
    assert short.read_bytes() == marked
    assert contents(tmp_path)[str(long.relative_to(tmp_path))] == whole[str(long.relative_to(tmp_path))]


def test_a_battery_that_is_killed_goes_on_where_it_was(workshop: Workshop, made: Path, tmp_path: Path) -> None:
    output = tmp_path / "battery"
    values = configuration(workshop, output)
    (tmp_path / "options.yaml").write_text(values.as_yaml())
    command = [sys.executable, "-m", "services.cli", "battery", "make", "--config", str(tmp_path / "options.yaml")]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while not list(output.glob("films/noise/*.png")) and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert not (output / "battery.json").exists()
    there = {name: data for name, data in contents(output).items() if name.startswith("films")}
    assert there
    assert make.run(values) == 0
    assert contents(output) == contents(made)


def test_sigterm_ends_a_making_with_143(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(3600)

    monkeypatch.setattr(make, "run_trajectory", hang)
    assert make.run(configuration(workshop, tmp_path)) == 143
    assert not (tmp_path / "battery.json").exists()


def test_a_film_that_leaves_the_numbers_is_left_out_and_listed(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def diverge(*_: object) -> Any:
        return (), NumericalError("became NaN")

    monkeypatch.setattr(make, "run_trajectory", diverge)
    assert make.run(configuration(workshop, tmp_path)) == 0
    battery = Battery.open(tmp_path)
    assert {film.kind for film in battery.films} == set(SPOILERS)
    assert [(item.kind, item.reason) for item in battery.left_out] == [
        (kind, "became NaN") for kind in STYLISED for _ in range(2)
    ]


def test_films_of_another_trunk_are_not_mixed_in(workshop: Workshop, made: Path, tmp_path: Path) -> None:
    for name, data in contents(made).items():
        if not name.startswith(("battery.json", "records/granular")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data.replace(b'"trunk_sha256": "', b'"trunk_sha256": "0'))
    with pytest.raises(ModelMismatchError, match=r"needed 0.*which films/.* was made with"):
        make.run(configuration(workshop, tmp_path))


def test_other_options_need_another_folder(workshop: Workshop, made: Path) -> None:
    with pytest.raises(RefusedRunError, match="take another folder"):
        make.run(configuration(workshop, made, seed=6))


def test_a_split_without_films_is_named(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="split validation: found 0 films"):
        make.run(configuration(workshop, tmp_path, split="validation"))


def test_test_films_are_refused(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"split\n.*'train', 'validation' or 'generation'"):
        configuration(workshop, tmp_path, split="test")
