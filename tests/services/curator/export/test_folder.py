"""Class folders of image files with a table."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from services.curator.export import folder
from services.curator.export.configuration import FolderExportConfiguration
from services.curator.export.training_set import TrainingSet
from shared.dataset import Dataset
from shared.errors import ConfigurationError
from shared.images import decode_png16
from tests.services.curator.export.made_run import ACCEPTED, accepted_png, folder_bytes, veto
from tests.services.evaluator.run_writer import RunWriter


def export(run: RunWriter, output: Path, **options: object) -> Path:
    given = {"run": str(run.path), "output": str(output)} | options
    assert folder.run(FolderExportConfiguration.resolve(given)) == 0
    return output


def table(output: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((output / "metadata.csv").read_text(encoding="utf-8"))))


def test_accepted_films_leave_with_every_bit(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out")

    assert set(folder_bytes(output)) == {
        "export.json",
        "metadata.csv",
        *(f"malignant/synthetic-{pair:06d}.png" for pair in ACCEPTED),
    }
    for pair in ACCEPTED:
        assert (output / f"malignant/synthetic-{pair:06d}.png").read_bytes() == accepted_png(run, pair)


def test_the_placebo_film_is_nowhere(run: RunWriter, tmp_path: Path) -> None:
    placebo = (run.path / "placebo/000003.png").read_bytes()

    assert placebo not in folder_bytes(export(run, tmp_path / "out", real=True)).values()


def test_real_films_stand_in_their_class_with_every_bit(run: RunWriter, dataset: Dataset, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out", real=True)

    for film in dataset.select(split="train"):  # type: ignore[arg-type]
        data = (output / film.label / f"real-{film.image_id}.png").read_bytes()
        np.testing.assert_array_equal(decode_png16(data), dataset.pixels(film.image_id))


def test_torchvision_reads_the_classes(run: RunWriter, tmp_path: Path) -> None:
    images = ImageFolder(str(export(run, tmp_path / "out", balance=True)))

    assert images.classes == ["benign", "malignant"]
    assert np.bincount(images.targets).tolist() == [6, 6]


def test_the_table_has_a_row_a_film_that_says_what_it_is(run: RunWriter, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out", real=True)

    rows = table(output)
    assert {row["file_name"] for row in rows} == {name for name in folder_bytes(output) if name.endswith(".png")}
    synthetic = next(row for row in rows if row["image_id"] == "synthetic-000001")
    assert synthetic == {
        "file_name": "malignant/synthetic-000001.png",
        "label": "malignant",
        "kind": "synthetic",
        "image_id": "synthetic-000001",
        "split": "generation",
        "content_patient_id": "patient-of-generation-benign-1",
        "style_patient_id": "patient-of-generation-malignant-1",
        "content_image_id": "generation-benign-1",
        "style_image_id": "generation-malignant-1",
        "source": "clinic",
        "laterality": "right",
        "view": "MLO",
        "pair": "1",
        "trial": "2",
        "probability": "0.8",
        "anomaly_score": "0.35",
        "sha256": synthetic["sha256"],
    }
    real = next(row for row in rows if row["image_id"] == "train-benign-0")
    assert real["kind"] == "real"
    assert real["pair"] == real["style_patient_id"] == ""


def test_jpeg_holds_the_film_at_8_bit(run: RunWriter, dataset: Dataset, tmp_path: Path) -> None:
    output = export(run, tmp_path / "out", real=True, format="jpeg")

    with Image.open(output / "malignant/synthetic-000001.jpg") as image:
        assert (image.mode, image.format) == ("L", "JPEG")
        film = np.asarray(image) / 255
    np.testing.assert_allclose(film, run.output(1, 2), atol=0.03)
    assert (output / "benign/real-train-benign-0.jpg").exists()


def test_the_summary_says_where_the_films_come_from(run: RunWriter, tmp_path: Path) -> None:
    veto(run, 0)

    summary = json.loads((export(run, tmp_path / "out", balance=True) / "export.json").read_bytes())

    assert summary["counts"] == [
        {"kind": "real", "label": "benign", "films": 6},
        {"kind": "real", "label": "malignant", "films": 2},
        {"kind": "synthetic", "label": "malignant", "films": 4},
    ]
    assert (summary["wanted"], summary["vetoed"], summary["policy"]) == (4, 1, "stable")
    assert summary["dataset_sha256"] == run.dataset.sha256


def test_two_exports_are_the_same_bytes(run: RunWriter, tmp_path: Path) -> None:
    first, second = export(run, tmp_path / "first", real=True), export(run, tmp_path / "second", real=True)

    assert folder_bytes(first) == folder_bytes(second)


@pytest.mark.parametrize("killed_at", [0, 1, 5, 13])
def test_an_export_that_was_killed_goes_on_to_the_same_bytes(
    run: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    whole = folder_bytes(export(run, tmp_path / "whole", real=True))

    class Killed(BaseException):
        pass

    read = TrainingSet.image
    made: list[str] = []

    def image(self: TrainingSet, row: object) -> bytes:
        if len(made) == killed_at:
            raise Killed
        made.append(str(row))
        return read(self, row)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(TrainingSet, "image", image)
        with pytest.raises(Killed):
            export(run, tmp_path / "out", real=True)
    left = folder_bytes(tmp_path / "out")
    assert "export.json" not in left
    assert sum(name.endswith(".png") for name in left) == killed_at

    made.clear()
    with monkeypatch.context() as patch:
        patch.setattr(TrainingSet, "image", lambda self, row: made.append(row) or read(self, row))
        export(run, tmp_path / "out", real=True)

    assert folder_bytes(tmp_path / "out") == whole
    assert len(made) == 14 - killed_at


def test_a_folder_that_holds_other_things_is_refused(run: RunWriter, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="needed a new or empty folder"):
        export(run, tmp_path)


def test_the_output_may_lie_on_object_storage(run: RunWriter, bucket: str, tmp_path: Path) -> None:
    folder.run(FolderExportConfiguration.resolve({"run": str(run.path), "output": bucket}))
    from_bucket = folder.Store(bucket)

    local = folder_bytes(export(run, tmp_path / "out"))
    assert {name: from_bucket.read(name) for name in local} == local
