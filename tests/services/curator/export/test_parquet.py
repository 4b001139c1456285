"""Hugging Face's layout."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from services.curator.export import parquet
from services.curator.export.configuration import ParquetExportConfiguration
from services.curator.export.rows import COLUMNS
from services.curator.export.training_set import TrainingSet
from tests.services.curator.export.made_run import ACCEPTED, accepted_png, folder_bytes
from tests.services.evaluator.run_writer import RunWriter


def export(run: RunWriter, output: Path, **options: object) -> Path:
    given = {"run": str(run.path), "output": str(output)} | options
    assert parquet.run(ParquetExportConfiguration.resolve(given)) == 0
    return output


def read(output: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(file) for file in sorted((output / "data").glob("*.parquet"))])


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three films of 32 pixels a file."""
    monkeypatch.setattr(parquet, "_BYTES_PER_FILE", 3 * 2 * 32 * 32)


def test_accepted_films_stand_in_rows_with_every_bit(run: RunWriter, tmp_path: Path) -> None:
    rows = read(export(run, tmp_path / "out")).to_pylist()

    assert [row["pair"] for row in rows] == list(ACCEPTED)
    for row in rows:
        assert row["image"] == {"bytes": accepted_png(run, row["pair"]), "path": row["file_name"]}
        assert (row["label"], row["kind"]) == (1, "synthetic")
    assert tuple(rows[0]) == ("image", *COLUMNS)


def test_real_films_stand_beside_them_and_say_so(run: RunWriter, tmp_path: Path) -> None:
    table = read(export(run, tmp_path / "out", balance=True))

    found = table.group_by(["kind", "label"]).aggregate([("sha256", "count")]).to_pylist()
    assert {(row["kind"], row["label"], row["sha256_count"]) for row in found} == {
        ("real", 0, 6),
        ("real", 1, 2),
        ("synthetic", 1, 4),
    }


def test_the_placebo_film_is_nowhere(run: RunWriter, tmp_path: Path) -> None:
    placebo = (run.path / "placebo/000003.png").read_bytes()

    images = read(export(run, tmp_path / "out", real=True)).column("image").to_pylist()

    assert placebo not in [image["bytes"] for image in images]


def test_the_files_say_hugging_faces_types(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out")

    (file,) = (output / "data").iterdir()
    assert file.name == "train-00000-of-00001.parquet"
    features = json.loads(pq.read_schema(file).metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": ["benign", "malignant"], "_type": "ClassLabel"}
    assert features["probability"] == {"dtype": "float64", "_type": "Value"}


def test_the_card_names_files_columns_and_duties(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out", balance=True)

    _, front, text = (output / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    matter = yaml.safe_load(front)
    (data,) = matter["configs"][0]["data_files"]
    assert len(list(output.glob(data["path"]))) == 1
    assert [column["name"] for column in matter["dataset_info"]["features"]] == ["image", *COLUMNS]
    assert "Not anonymous" in text
    assert "| synthetic | malignant | 4 |" in text
    assert run.pins["models"]["classifier"]["sha256"] in text


@pytest.mark.usefixtures("small_files")
def test_many_films_are_shared_out_among_files(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out", real=True)

    files = sorted((output / "data").iterdir())
    assert [file.name for file in files] == [f"train-{number:05d}-of-00005.parquet" for number in range(5)]
    assert [pq.read_metadata(file).num_rows for file in files] == [3, 3, 3, 3, 2]
    assert len(set(read(output).column("image_id").to_pylist())) == 14


@pytest.mark.usefixtures("small_files")
def test_an_export_that_was_killed_goes_on_to_the_same_bytes(
    run: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = folder_bytes(export(run, tmp_path / "whole", real=True))

    class Killed(BaseException):
        pass

    image = TrainingSet.image
    made: list[object] = []

    def killed(self: TrainingSet, row: object) -> bytes:
        if len(made) == 7:
            raise Killed
        made.append(row)
        return image(self, row)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(TrainingSet, "image", killed)
        with pytest.raises(Killed):
            export(run, tmp_path / "out", real=True)
    assert sum(name.startswith("data/") for name in folder_bytes(tmp_path / "out")) == 2
    assert not (tmp_path / "out/export.json").exists()

    export(run, tmp_path / "out", real=True)

    assert folder_bytes(tmp_path / "out") == whole
