"""`mammosynth sweep` with real services and tiny gates: what it writes, what it refuses, how it goes on."""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from services.orchestrator.configuration import SweepConfiguration
from services.orchestrator.sweep import command, work
from shared.errors import ConfigurationError, DatasetError, NumericalError, RefusedRunError
from shared.images import decode_png16, sha256_pixels
from tests.services.orchestrator.small_runs import Workshop

STEPS = (4, 12, 30)
GRIDS = {"steps.png", "content_weight.png", "content_layer.png", "loss.png"}


def configuration(workshop: Workshop, output: Path, **changes: Any) -> SweepConfiguration:
    values: dict[str, Any] = {
        "dataset": workshop.dataset.path,
        "output": output,
        "pairs": ("b1:m2",),
        "steps": STEPS,
        "at_steps": 12,
        "content_weights": (0.1, 1.0),
        "content_layers": ("conv_1", "conv_5"),
        **workshop.services,
    }
    return SweepConfiguration(**(values | changes))


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that a second sweep writes alike."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in ("logs", "timings")
    }


@pytest.fixture(scope="module")
def swept(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("swept") / "sweep"
    assert command.run(configuration(workshop, output)) == 0
    return output


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "table.csv").read_text().splitlines()))


def test_the_table_has_a_row_for_every_picture_and_its_film_is_there(workshop: Workshop, swept: Path) -> None:
    found = rows(swept)
    assert len(found) == 2 * (3 + 2 + 2)
    assert {row["axis"] for row in found} == {"steps", "content_weight", "content_layer"}
    content = workshop.dataset.pixels("b1")
    for row in found:
        film = decode_png16((swept / row["film"]).read_bytes())
        assert sha256_pixels(film) == row["sha256"]
        assert np.abs(film - content).mean() == pytest.approx(float(row["mean_absolute_change"]), abs=1e-4)
        assert 0.0 < float(row["probability"]) < 1.0
        assert row["content_probability"] != row["style_probability"]
        block = 20 * (int(row["steps"]) // 20 + 1)
        assert int(row["evaluations"]) == (block if row["optimizer"] == "compat" else int(row["steps"]))
    assert pq.read_table(swept / "table.parquet").num_rows == len(found)


def test_a_setting_on_two_axes_is_the_same_film(swept: Path) -> None:
    found = [row for row in rows(swept) if row["optimizer"] == "unclamped"]
    same = [
        row for row in found if (row["steps"], row["content_weight"], row["content_layer"]) == ("12", "1.0", "conv_5")
    ]
    assert len(same) == 3
    assert len({row["film"] for row in same}) == 1
    assert len({row["sha256"] for row in found}) == 3 + 1 + 1


def test_the_curves_run_from_the_first_evaluation_to_the_last(swept: Path) -> None:
    points = pq.read_table(swept / "curves.parquet").to_pylist()
    for optimizer, last in (("unclamped", 30), ("compat", 40)):
        curve = [
            (point["evaluations"], point["loss"])
            for point in points
            if (point["optimizer"], point["content_weight"], point["content_layer"]) == (optimizer, 1.0, "conv_5")
        ]
        assert curve[-1][0] == last
        assert [at for at, _ in curve] == sorted(at for at, _ in curve)
        assert curve[-1][1] < curve[0][1]
    for point in points:
        total = point["content_weight"] * point["content_loss"] + point["style_weight"] * point["style_loss"]
        assert point["loss"] == pytest.approx(total, rel=1e-4)


def test_every_axis_has_a_picture_and_the_pairs_stand_beside_one_another(swept: Path) -> None:
    assert {path.name for path in (swept / "pairs" / "b1+m2").glob("*.png")} == GRIDS
    with Image.open(swept / "pairs" / "b1+m2" / "steps.png") as sheet:
        assert sheet.width > 5 * 256
        assert sheet.height > 4 * 256
    with Image.open(swept / "pairs.png") as sheet:
        assert sheet.width > 6 * 256


def test_the_same_command_runs_nothing_again(workshop: Workshop, swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("a trajectory was run again")

    before = contents(swept)
    monkeypatch.setattr(work, "run_trajectory", refuse)
    assert command.run(configuration(workshop, swept)) == 0
    assert contents(swept) == before


def test_a_lost_record_and_a_lost_film_are_made_again_to_the_byte(
    workshop: Workshop, swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again, lost = tmp_path / "sweep", []
    for name, data in contents(swept).items():
        if name.endswith(
            ("trajectories/compat-film-conv_1-c1-s100000-all.json", "unclamped-film-conv_5-c1-s100000-all-4.png")
        ):
            lost.append(name)
            continue
        (again / name).parent.mkdir(parents=True, exist_ok=True)
        (again / name).write_bytes(data)
    runs = []

    async def counted(*arguments: Any) -> Any:
        runs.append(arguments)
        return await original(*arguments)

    original = work.run_trajectory
    monkeypatch.setattr(work, "run_trajectory", counted)
    assert command.run(configuration(workshop, again)) == 0
    assert len(runs) == len(lost) == 2
    assert contents(again) == contents(swept)


def test_a_sweep_may_be_widened_and_keeps_what_it_has(workshop: Workshop, swept: Path, tmp_path: Path) -> None:
    for name, data in contents(swept).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    films = {name: data for name, data in contents(swept).items() if "/films/" in name}
    assert command.run(configuration(workshop, tmp_path, steps=(*STEPS, 34), optimizers=("unclamped",))) == 0
    assert films.items() <= contents(tmp_path).items()
    assert [row["steps"] for row in rows(tmp_path) if row["axis"] == "steps"] == ["4", "12", "30", "34"]


def test_a_sweep_that_is_killed_goes_on_where_it_was(workshop: Workshop, swept: Path, tmp_path: Path) -> None:
    output = tmp_path / "sweep"
    values = configuration(workshop, output)
    (tmp_path / "options.yaml").write_text(values.as_yaml())
    program = [sys.executable, "-m", "services.cli", "sweep", "--config", str(tmp_path / "options.yaml")]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(program, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while not list(output.glob("pairs/*/trajectories/*.json")) and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    there = {name: data for name, data in contents(output).items() if name.endswith(".json") and "/." not in name}
    assert there
    assert not (output / "table.csv").exists()
    assert command.run(values) == 0
    made = {name: data for name, data in contents(output).items() if "/." not in name}
    assert made == contents(swept)


def test_sigterm_ends_a_sweep_with_143_and_leaves_no_table(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(3600)

    monkeypatch.setattr(work, "run_trajectory", hang)
    assert command.run(configuration(workshop, tmp_path)) == 143
    assert not list(tmp_path.glob("pairs/*/trajectories/*"))
    assert not (tmp_path / "table.csv").exists()


def test_without_gates_the_pictures_have_no_scores(workshop: Workshop, tmp_path: Path) -> None:
    values = {"anomaly": None, "classifier": None, "optimizers": ("unclamped",), "steps": (4,), "at_steps": 4}
    assert command.run(configuration(workshop, tmp_path, **values)) == 0
    assert {row["probability"] for row in rows(tmp_path)} == {""}
    assert set(json.loads((tmp_path / "sweep.json").read_bytes())["models"]) == {"stylizer"}
    with pytest.raises(RefusedRunError, match="this sweep cannot be continued: models"):
        command.run(configuration(workshop, tmp_path))


def test_a_trajectory_that_leaves_the_numbers_is_shown_as_that_and_not_run_again(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []

    async def diverge(*arguments: Any) -> Any:
        runs.append(arguments)
        snapshots, _ = await original(*arguments)
        return [item for item in snapshots if item.steps < 12], NumericalError("became NaN")

    original = work.run_trajectory
    monkeypatch.setattr(work, "run_trajectory", diverge)
    values = configuration(workshop, tmp_path, optimizers=("unclamped",))
    assert command.run(values) == 0
    found = {(row["axis"], row["steps"]): (row["diverged"], bool(row["film"])) for row in rows(tmp_path)}
    assert found[("steps", "4")] == ("", True)
    assert found[("steps", "12")] == found[("content_layer", "12")] == ("became NaN", False)
    count = len(runs)
    assert command.run(values) == 0
    assert len(runs) == count


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "one gate": ({"classifier": None}, ConfigurationError, "--anomaly: found one gate, needed both"),
    "no data set": ({"dataset": Path("nowhere")}, DatasetError, "nowhere: no such folder"),
    "another film": ({"pairs": ("b1",)}, ConfigurationError, "needed CONTENT:STYLE"),
}


@pytest.mark.parametrize(("changes", "error", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_swept_is_named_before_any_work(
    workshop: Workshop, tmp_path: Path, changes: dict[str, Any], error: type[Exception], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        command.run(configuration(workshop, tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()
