import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog

from services.trainer.checkpoint import Checkpoint
from services.trainer.configuration import NOT_IN_MODEL, TrainAnomalyConfiguration
from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet, load_films
from services.trainer.report import training_folder
from services.trainer.train_anomaly import run
from shared.battery import SPOILERS, Battery
from shared.dataset import Dataset, Split
from shared.errors import ConfigurationError, DatasetError, RefusedRunError
from shared.models import read_model
from tests.services.trainer.made_battery import write_battery
from tests.services.trainer.made_films import SIZE, write_dataset


def configuration(dataset: Path, output: Path, **options: Any) -> TrainAnomalyConfiguration:
    given = {"widths": (4, 8), "epochs": 12, "batch_size": 4, "threads": 1, "device": "cpu", "seed": 3}
    return TrainAnomalyConfiguration(dataset=dataset, output=output, **(given | options))


@pytest.fixture(scope="module")
def trained(dataset_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a detector trained on the made films."""
    output = tmp_path_factory.mktemp("anomaly")
    run(configuration(dataset_path, output))
    return output


def test_thresholds_are_the_percentiles_of_fresh_scores(trained: Path, training: FilmSet, validation: FilmSet):
    model = read_model(trained / "anomaly.onnx", "anomaly")
    scorer = GraphScorer(model.data)
    for films, key in ((training, "training_p95"), (validation, "validation_p95")):
        assert model.metadata.thresholds[key] == pytest.approx(
            np.percentile(scorer.score(films, "score"), 95), abs=1e-6
        )


def test_model_file_carries_what_it_was_trained_on_and_how(trained: Path, dataset: Dataset):
    metadata = read_model(trained / "anomaly.onnx", "anomaly").metadata
    assert (metadata.input_size, metadata.region) == (SIZE, "breast")
    assert metadata.training_set_sha256 == dataset.sha256
    assert metadata.default_threshold == "validation_p95"
    assert metadata.options["widths"] == [4, 8]
    assert metadata.options["learning_rate"] == 0.1
    assert {f"auc_{kind}" for kind in SPOILERS} <= set(metadata.metrics)
    assert "torch" in metadata.created_with


def test_figures_lie_beside_the_model(trained: Path):
    model = read_model(trained / "anomaly.onnx", "anomaly")
    figures = json.loads((trained / "anomaly.json").read_text())
    assert figures["sha256"] == model.sha256
    assert figures["metrics"] == model.metadata.metrics
    assert [sorted(epoch) for epoch in figures["training"]["epochs"]] == [["training_loss", "validation_loss"]] * 12
    assert figures["films"] == {"training": 40, "validation": 12}


def test_the_detector_learns_and_sees_noise(trained: Path):
    figures = json.loads((trained / "anomaly.json").read_text())
    first, *_, last = figures["training"]["epochs"]
    assert last["training_loss"] < first["training_loss"] / 3
    assert last["validation_loss"] < first["validation_loss"] / 3


def test_equal_seeds_write_equal_files_and_others_do_not(trained: Path, dataset_path: Path, tmp_path: Path):
    run(configuration(dataset_path, tmp_path / "again"))
    run(configuration(dataset_path, tmp_path / "other", seed=4))
    first = (trained / "anomaly.onnx").read_bytes()
    assert (tmp_path / "again" / "anomaly.onnx").read_bytes() == first
    assert (tmp_path / "other" / "anomaly.onnx").read_bytes() != first


def test_the_same_command_again_says_that_it_is_done_and_changes_nothing(trained: Path, dataset_path: Path):
    before = {path.name: path.stat().st_mtime_ns for path in trained.iterdir()}
    assert set(before) == {
        "anomaly.onnx",
        "anomaly.json",
        "anomaly-curves.png",
        "anomaly-films.png",
        "anomaly-scores.png",
    }
    with structlog.testing.capture_logs() as logs:
        run(configuration(dataset_path, trained))
    assert [line["event"] for line in logs] == ["training is already finished; --restart trains again"]
    assert {path.name: path.stat().st_mtime_ns for path in trained.iterdir()} == before


def test_restart_trains_again_to_the_same_file(trained: Path, dataset_path: Path, tmp_path: Path):
    for name in ("anomaly.onnx", "anomaly.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    before = (tmp_path / "anomaly.onnx").stat().st_mtime_ns
    run(configuration(dataset_path, tmp_path, restart=True))
    assert (tmp_path / "anomaly.onnx").stat().st_mtime_ns != before
    assert (tmp_path / "anomaly.onnx").read_bytes() == (trained / "anomaly.onnx").read_bytes()


def test_an_interrupted_training_is_not_continued_with_other_options(dataset_path: Path, tmp_path: Path):
    given = configuration(dataset_path, tmp_path)
    options = given.model_dump(mode="json", exclude=set(NOT_IN_MODEL))
    interrupted = training_folder(given, "anomaly", Dataset.open(dataset_path).sha256, options)
    interrupted.file("autoencoder").write(Checkpoint({}, {}))
    with pytest.raises(RefusedRunError, match=r"anomaly\.training: .* options\.epochs was 12, asked for is 13"):
        run(configuration(dataset_path, tmp_path, epochs=13))
    assert not (tmp_path / "anomaly.onnx").exists()
    run(configuration(dataset_path, tmp_path, epochs=1, restart=True))
    assert not (tmp_path / "anomaly.training").exists()


def test_the_epoch_that_validates_best_is_kept_where_asked(dataset_path: Path, tmp_path: Path):
    run(configuration(dataset_path, tmp_path, keep="validation_loss", epochs=6, final_learning_rate=0.4))
    figures = json.loads((tmp_path / "anomaly.json").read_text())
    losses = [epoch["validation_loss"] for epoch in figures["training"]["epochs"]]
    assert losses[-1] > min(losses)
    assert figures["training"]["kept"] == figures["metrics"]["kept_epoch"] == 1 + losses.index(min(losses))
    assert figures["metrics"]["validation_loss"] == min(losses)


def test_a_texture_detector_is_trained_to_the_same_contract(dataset_path: Path, tmp_path: Path, validation: FilmSet):
    def texture(output: Path, **options: Any) -> TrainAnomalyConfiguration:
        return TrainAnomalyConfiguration(dataset=dataset_path, output=output, detector="texture", **options)

    run(texture(tmp_path / "one"))
    model = read_model(tmp_path / "one" / "anomaly.onnx", "anomaly")
    assert model.metadata.detector == "texture"
    assert model.metadata.options == {
        "detector": "texture",
        "region": "breast",
        "seed": 0,
        "size": None,
        "threshold": "held_out_p95",
    }
    assert model.metadata.default_threshold == "held_out_p95"
    scores = GraphScorer(model.data).score(validation, "score")
    assert model.metadata.thresholds["validation_p95"] == pytest.approx(np.percentile(scores, 95), abs=1e-6)
    figures = json.loads((tmp_path / "one" / "anomaly.json").read_text())
    assert "training" not in figures
    assert figures["largest_difference_from_torch"] < 1e-4
    run(texture(tmp_path / "one", restart=True))
    assert (tmp_path / "one" / "anomaly.onnx").read_bytes() == model.data


def test_a_battery_is_measured_and_drawn_and_part_of_what_is_finished(
    dataset_path: Path, dataset: Dataset, validation: FilmSet, tmp_path: Path
):
    battery = write_battery(tmp_path / "battery", validation, dataset_sha256=dataset.sha256)
    output = tmp_path / "models"
    run(configuration(dataset_path, output, epochs=1))
    run(configuration(dataset_path, output, epochs=1, battery=battery))
    model = read_model(output / "anomaly.onnx", "anomaly")
    figures = json.loads((output / "anomaly.json").read_text())
    assert model.metadata.options["battery"] == figures["battery"]["sha256"] == Battery.open(battery).sha256
    assert list(figures["battery"]["kinds"]) == ["noise", "blur", "unclamped_1e8"]
    for kind, found in figures["battery"]["kinds"].items():
        assert model.metadata.metrics[f"battery_auc_{kind}"] == found["auc"]
        assert found["auc_low"] <= found["auc"] <= found["auc_high"]
    assert not any(name.startswith("auc_") for name in model.metadata.metrics)
    assert (output / "anomaly-battery.png").read_bytes().startswith(b"\x89PNG")
    with structlog.testing.capture_logs() as logs:
        run(configuration(dataset_path, output, epochs=1, battery=battery))
    assert [line["event"] for line in logs] == ["training is already finished; --restart trains again"]


def test_rejection_of_films_that_nothing_has_seen_is_reported(trained: Path, dataset: Dataset):
    model = read_model(trained / "anomaly.onnx", "anomaly")
    figures = json.loads((trained / "anomaly.json").read_text())
    films = load_films(dataset, splits=[Split.GENERATION])
    above = GraphScorer(model.data).score(films, "score") > model.metadata.thresholds["validation_p95"]
    assert figures["unseen"][0]["split"] == "generation"
    assert figures["unseen"][0]["rejected"] == model.metadata.metrics["generation_rejected"] == above.mean()


def test_a_battery_that_does_not_fit_stops_before_any_work(dataset_path: Path, validation: FilmSet, tmp_path: Path):
    battery = write_battery(tmp_path / "battery", validation, dataset_sha256="0" * 64)
    with pytest.raises(DatasetError, match=f"was made from the data set with sha256 {'0' * 64}"):
        run(configuration(dataset_path, tmp_path / "models", battery=battery))
    assert not (tmp_path / "models").exists()


def test_a_smaller_input_size_is_what_the_model_takes(dataset_path: Path, tmp_path: Path):
    run(configuration(dataset_path, tmp_path, size=16, epochs=1))
    assert read_model(tmp_path / "anomaly.onnx", "anomaly").metadata.input_size == 16


def test_augmented_films_train_another_model_the_same_each_time(trained: Path, dataset_path: Path, tmp_path: Path):
    for name in ("one", "again"):
        run(configuration(dataset_path, tmp_path / name, augment=True))
    one, again = (tmp_path / name / "anomaly.onnx" for name in ("one", "again"))
    assert one.read_bytes() == again.read_bytes() != (trained / "anomaly.onnx").read_bytes()
    assert read_model(one, "anomaly").metadata.options["augment"] is True


def test_more_halvings_than_the_size_has_are_refused(dataset_path: Path, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="7 levels need films whose size is a multiple of 64, found 32"):
        run(configuration(dataset_path, tmp_path, widths=(2,) * 7))
    assert not list(tmp_path.iterdir())


def test_a_data_set_without_validation_films_is_refused(tmp_path: Path):
    path = write_dataset(tmp_path / "dataset", patients={Split.TRAIN: 4})
    with pytest.raises(DatasetError, match="found no validation films"):
        run(configuration(path, tmp_path / "models"))
    assert not (tmp_path / "models").exists()


def test_an_output_that_cannot_be_written_is_refused_before_any_work(dataset_path: Path, tmp_path: Path):
    (tmp_path / "models").write_text("a file")
    for output in (tmp_path / "models", tmp_path / "models" / "deeper"):
        with pytest.raises(ConfigurationError, match=r"--output: .* cannot be written to: Not a directory"):
            run(configuration(dataset_path, output))


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path):
    with pytest.raises(DatasetError):
        run(configuration(tmp_path / "nowhere", tmp_path / "models"))
