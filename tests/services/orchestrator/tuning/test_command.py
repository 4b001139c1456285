"""`mammosynth tune` with real services and tiny gates: what it writes, what it refuses, how it goes on."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from services.orchestrator.configuration import TuneConfiguration
from services.orchestrator.policy import load_policy
from services.orchestrator.tuning import command, sweep
from shared.dataset import Dataset, Split
from shared.errors import ConfigurationError, DatasetError, RefusedRunError
from tests.services.orchestrator.made import cohort
from tests.services.orchestrator.small_runs import POLICY, SIZE, Workshop, write_dataset

STEPS = (3, 12)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Validation films beside others that must not be touched."""
    entries = [replace(film, split=Split.VALIDATION) for film in cohort(4, 3)]
    entries += [replace(film, image_id=f"{film.image_id}9", patient_id=f"q{film.image_id}") for film in cohort(2, 2)]
    return write_dataset(tmp_path_factory.mktemp("films") / "dataset", entries)


@pytest.fixture(scope="module")
def policy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "quick.yaml"
    path.write_text(json.dumps(POLICY))
    return path


def configuration(
    workshop: Workshop, films: Dataset, policy_file: Path, output: Path, **changes: Any
) -> TuneConfiguration:
    values: dict[str, Any] = {
        "dataset": films.path,
        "output": output,
        "policy": str(policy_file),
        "films": 4,
        "regions": ("breast",),
        "content_layers": ("conv_5",),
        "style_weights": (1e3, 1e5),
        "steps": STEPS,
        "pictures": 1,
        "any_size": True,
        **workshop.services,
    }
    return TuneConfiguration(**(values | changes))


@pytest.fixture(scope="module")
def tuned(workshop: Workshop, films: Dataset, policy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A coarse sweep, then a fine one of the better recipe."""
    output = tmp_path_factory.mktemp("tuned")
    fine = {"fine_dataset": films.path, "fine_models": workshop.folder / "models", "best": 1}
    assert command.run(configuration(workshop, films, policy_file, output, **fine)) == 0
    return output


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("trajectories/*/*.json"))]


def test_every_recipe_meets_every_benign_content_with_a_malignant_and_a_benign_style(
    tuned: Path, films: Dataset
) -> None:
    found = records(tuned / "coarse")
    contents = {record["content"] for record in found}
    assert len(found) == 2 * 2 * len(contents)
    for record in found:
        content, style = films.film(record["content"]), films.film(record["style"])
        assert {content.split, style.split} == {Split.VALIDATION}
        assert content.label == "benign"
        assert style.label == ("benign" if record["placebo"] else "malignant")
        assert style.patient_id != content.patient_id
        assert [look["steps"] for look in record["looks"]] == list(STEPS)
        assert set(record["numerics"]) == {"stylizer", "anomaly", "classifier"}


def test_contents_that_are_not_called_benign_are_left_out_and_counted(tuned: Path) -> None:
    scores = json.loads((tuned / "coarse" / "contents.json").read_bytes())
    assert scores["b3"]["probability"] >= POLICY["gates"]["benign_below"]  # type: ignore[index]
    assert {record["content"] for record in records(tuned / "coarse")} == {"b0", "b1", "b2"}
    assert "1 left out that the classifier does not call benign" in load_policy(str(tuned / "policy.yaml")).description


def test_the_table_holds_every_setting_with_both_arms(tuned: Path) -> None:
    rows = list(csv.DictReader((tuned / "coarse" / "table.csv").read_text().splitlines()))
    assert {(row["style_weight"], row["steps"]) for row in rows} == {
        (weight, str(steps)) for weight in ("1000.0", "100000.0") for steps in STEPS
    }
    for row in rows:
        alike = [
            next(look for look in record["looks"] if str(look["steps"]) == row["steps"])
            for record in records(tuned / "coarse")
            if str(record["recipe"]["style_weight"]) == row["style_weight"] and not record["placebo"]
        ]
        assert float(row["mean_absolute_change"]) == pytest.approx(
            np.mean([look["mean_absolute_change"] for look in alike])
        )
        assert float(row["anomaly"]) == pytest.approx(np.mean([look["scores"]["anomaly"] for look in alike]))
        assert float(row["seconds_a_film"]) > 0
    assert pq.read_table(tuned / "coarse" / "table.parquet").num_rows == len(rows)


def test_the_policy_is_one_that_a_run_can_take(tuned: Path, films: Dataset) -> None:
    policy = load_policy(str(tuned / "policy.yaml"))
    assert policy.size == SIZE
    assert films.sha256 in policy.description
    assert (tuned / "policy.yaml").read_bytes() == (tuned / "fine" / "policy.yaml").read_bytes()


def test_the_best_recipes_alone_are_swept_again(tuned: Path) -> None:
    weights = {record["recipe"]["style_weight"] for record in records(tuned / "fine")}
    assert len(weights) == 1
    assert {record["content"] for record in records(tuned / "fine")} == {"b0", "b1", "b2"}


def test_each_recipe_has_a_contact_sheet(tuned: Path) -> None:
    sheets = sorted((tuned / "coarse" / "sheets").iterdir())
    assert [sheet.name for sheet in sheets] == ["breast-conv_5-c1-s1000-all.png", "breast-conv_5-c1-s100000-all.png"]
    with Image.open(sheets[0]) as sheet:
        assert sheet.width > sheet.height / 4 > 200
    films = sorted(path.name for path in (tuned / "coarse" / "films" / "breast-conv_5-c1-s1000-all").iterdir())
    assert len(films) == 2 * len(STEPS)


def test_what_is_missing_is_done_again_and_the_policy_is_the_same_to_the_byte(
    workshop: Workshop, films: Dataset, policy_file: Path, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tuned / "coarse").rglob("*"):
        kept = path.relative_to(tuned / "coarse").parts[0] in ("trajectories", "films", "sweep.json", "contents.json")
        if path.is_file() and kept and not path.name.startswith("000001-placebo"):
            target = tmp_path / path.relative_to(tuned)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    runs = []

    async def counted(*arguments: Any) -> Any:
        runs.append(arguments)
        return await original(*arguments)

    original = sweep.run_trajectory
    monkeypatch.setattr(sweep, "run_trajectory", counted)
    assert command.run(configuration(workshop, films, policy_file, tmp_path)) == 0
    assert len(runs) == 2
    assert (tmp_path / "coarse/policy.yaml").read_bytes() == (tuned / "coarse/policy.yaml").read_bytes()
    assert [record | {"numerics": 0} for record in records(tmp_path / "coarse")] == [
        record | {"numerics": 0} for record in records(tuned / "coarse")
    ]


def test_a_sweep_is_not_mixed_with_another(workshop: Workshop, films: Dataset, policy_file: Path, tuned: Path) -> None:
    with pytest.raises(RefusedRunError, match="cannot be continued: seed: begun with 0, now 1; take another folder"):
        command.run(configuration(workshop, films, policy_file, tuned, seed=1))


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no data set": ({"dataset": None}, ConfigurationError, "--dataset .* is needed"),
    "half of the fine stage": (
        {"fine_models": Path("x")},
        ConfigurationError,
        "found one of them, needed both or none",
    ),
    "an unknown layer": ({"content_layers": ("conv_9",)}, ConfigurationError, "found 'conv_9', needed one of conv_1"),
    "gates of another size": (
        {"any_size": False},
        ConfigurationError,
        "anomaly: its model was trained at 32 pixels, the films of .* have 48",
    ),
    "a fine data set that is none": (
        {"fine_dataset": Path("nowhere"), "fine_models": Path("x")},
        DatasetError,
        "nowhere: no such folder",
    ),
}


@pytest.mark.parametrize(("changes", "error", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_tuned_is_named_before_any_work(
    workshop: Workshop,
    films: Dataset,
    policy_file: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    error: type[Exception],
    expected: str,
) -> None:
    with pytest.raises(error, match=expected):
        command.run(configuration(workshop, films, policy_file, tmp_path, **changes))
    assert not list(tmp_path.glob("*/trajectories"))


@pytest.mark.parametrize(("benign", "malignant"), [(3, 0), (0, 3)], ids=["no malignant film", "no benign film"])
def test_a_split_without_films_of_both_classes_is_named(
    workshop: Workshop, policy_file: Path, tmp_path: Path, benign: int, malignant: int
) -> None:
    entries = [replace(film, split=Split.VALIDATION) for film in cohort(benign, malignant)]
    films = write_dataset(tmp_path / "dataset", entries)
    missing = "malignant" if benign else "benign"
    with pytest.raises(DatasetError, match=f"split validation: found no {missing} film"):
        command.run(configuration(workshop, films, policy_file, tmp_path / "out"))


def test_contents_of_which_none_is_benign_are_named(
    workshop: Workshop, films: Dataset, policy_file: Path, tmp_path: Path
) -> None:
    policy_file = tmp_path / "strict.yaml"
    policy_file.write_text(json.dumps(POLICY | {"gates": {"benign_below": 1e-9}}))
    with pytest.raises(DatasetError, match=r"found 4 contents in the split validation, none of which .* benign"):
        command.run(configuration(workshop, films, policy_file, tmp_path / "out"))
