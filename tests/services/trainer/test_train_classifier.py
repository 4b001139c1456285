import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import structlog
from sklearn.metrics import roc_auc_score

from services.trainer.configuration import TrainClassifierConfiguration
from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet, load_films
from services.trainer.temperature import fit_temperature
from services.trainer.train_classifier import run
from shared.dataset import Dataset, Label, Split
from shared.errors import ConfigurationError, DatasetError, WeightsNotFoundError
from shared.models import read_model
from tests.services.trainer.made_films import SIZE, write_dataset


def configuration(dataset: Path, output: Path, **options: Any) -> TrainClassifierConfiguration:
    given = {"backbone": "resnet18", "start": "random", "freeze": True, "threads": 1, "device": "cpu", "seed": 3}
    return TrainClassifierConfiguration(dataset=dataset, output=output, **(given | options))


@pytest.fixture(scope="module")
def frozen(dataset_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a frozen classifier of the made films, cross-validated."""
    output = tmp_path_factory.mktemp("frozen")
    run(configuration(dataset_path, output, folds=4))
    return output


@pytest.fixture(scope="module")
def fine_tuned(dataset_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a fully trained classifier of the made films."""
    output = tmp_path_factory.mktemp("fine-tuned")
    run(configuration(dataset_path, output, freeze=False, epochs=4, learning_rate=1e-3, threshold="validation"))
    return output


def test_model_file_carries_what_it_was_trained_on_and_how(frozen: Path, dataset: Dataset):
    metadata = read_model(frozen / "classifier.onnx", "classifier").metadata
    assert (metadata.input_size, metadata.region) == (SIZE, "breast")
    assert metadata.training_set_sha256 == dataset.sha256
    assert metadata.thresholds["cutoff"] == 0.7
    assert metadata.default_threshold == "cutoff"
    assert metadata.options["freeze"] is True
    assert metadata.options["start"] == "random"
    assert metadata.options["feature_layer"] == ["layer1"]
    assert metadata.options["part"] == "0/1"


def test_a_part_of_the_patients_trains_another_model_and_is_named_in_it(
    frozen: Path, dataset_path: Path, tmp_path: Path
):
    run(configuration(dataset_path, tmp_path, part="1/2"))
    figures = json.loads((tmp_path / "classifier.json").read_text())
    assert figures["films"] == {"training": 20, "validation": 12}
    assert figures["options"]["part"] == "1/2"
    film, mask = np.full((SIZE, SIZE), 0.5, dtype=np.float32), np.ones((SIZE, SIZE), dtype=bool)
    one, whole = (GraphScorer(read_model(f / "classifier.onnx", "classifier").data) for f in (tmp_path, frozen))
    assert one.run(film, mask)["logit"] != whole.run(film, mask)["logit"]


def test_stages_asked_for_are_pooled_inside_the_breast(dataset_path: Path, tmp_path: Path):
    run(configuration(dataset_path, tmp_path, feature_layer="layer3,layer1"))
    model = read_model(tmp_path / "classifier.onnx", "classifier")
    assert model.metadata.options["feature_layer"] == ["layer1", "layer3"]
    head = next(tensor for tensor in onnx.load_model_from_string(model.data).graph.initializer if 960 in tensor.dims)
    assert tuple(head.dims) in {(1, 3 * (64 + 256)), (3 * (64 + 256), 1)}
    film, mask = np.full((SIZE, SIZE), 0.5, dtype=np.float32), np.zeros((SIZE, SIZE), dtype=bool)
    scorer = GraphScorer(model.data)
    mask[:, :16] = True
    half = scorer.run(film, mask)["logit"]
    mask[:] = True
    assert scorer.run(film, mask)["logit"] != half


def test_chosen_cutoff_leaves_nine_of_ten_benign_films_below_in_fresh_scores(fine_tuned: Path, validation: FilmSet):
    model = read_model(fine_tuned / "classifier.onnx", "classifier")
    probabilities = GraphScorer(model.data).score(validation, "probability")
    chosen = max(0.5, float(np.quantile(probabilities[~validation.malignant], 0.9)))
    assert model.metadata.thresholds["validation"] == pytest.approx(chosen, abs=1e-6)
    assert model.metadata.default_threshold == "validation"


@pytest.mark.parametrize("way", ["frozen", "fine_tuned"])
def test_grainy_films_of_unseen_patients_are_told_from_smooth_ones(
    way: str, validation: FilmSet, request: pytest.FixtureRequest
):
    output = request.getfixturevalue(way)
    figures = json.loads((output / "classifier.json").read_text())
    scorer = GraphScorer(read_model(output / "classifier.onnx", "classifier").data)
    probabilities = scorer.score(validation, "probability")
    assert figures["metrics"]["validation_auc"] > 0.9
    assert probabilities[validation.malignant].mean() > probabilities[~validation.malignant].mean()
    assert 0 < probabilities.min() < probabilities.max() < 1


def test_cross_validation_is_told_beside_the_model_and_in_it(frozen: Path):
    figures = json.loads((frozen / "classifier.json").read_text())
    out_of_fold = figures["out_of_fold"]["overall"]
    assert out_of_fold["films"] == 40 + 12
    assert out_of_fold["auc_low"] <= out_of_fold["auc"] <= out_of_fold["auc_high"]
    assert len(figures["auc_by_fold"]) == 4
    metadata = read_model(frozen / "classifier.onnx", "classifier").metadata
    assert metadata.metrics["out_of_fold_auc"] == out_of_fold["auc"]
    assert figures["validation"]["by_source"]["made"]["auc"] == metadata.metrics["validation_auc"]


def test_cross_validation_does_not_change_the_model(frozen: Path, dataset_path: Path, tmp_path: Path):
    run(configuration(dataset_path, tmp_path))
    one, other = (GraphScorer(read_model(f / "classifier.onnx", "classifier").data) for f in (frozen, tmp_path))
    film, mask = np.full((SIZE, SIZE), 0.5, dtype=np.float32), np.ones((SIZE, SIZE), dtype=bool)
    assert one.run(film, mask)["logit"] == other.run(film, mask)["logit"]


def test_a_temperature_scales_the_served_logit_and_is_told_in_the_file(
    frozen: Path, dataset_path: Path, validation: FilmSet, tmp_path: Path
):
    run(configuration(dataset_path, tmp_path, folds=4, temperature=True, threshold="validation"))
    scaled, raw = (read_model(folder / "classifier.onnx", "classifier") for folder in (tmp_path, frozen))
    temperature = scaled.metadata.metrics["temperature"]
    assert temperature != 1
    logits, unscaled = (GraphScorer(model.data).score(validation, "logit") for model in (scaled, raw))
    np.testing.assert_allclose(logits * temperature, unscaled, rtol=1e-4)
    probabilities = GraphScorer(scaled.data).score(validation, "probability")
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-6)
    chosen = max(0.5, float(np.quantile(probabilities[~validation.malignant], 0.9)))
    assert scaled.metadata.thresholds["validation"] == pytest.approx(chosen, abs=1e-6)
    figures = json.loads((tmp_path / "classifier.json").read_text())
    assert figures["temperature"]["fitted_on"] == "out_of_fold"
    assert figures["temperature"]["films"] == 40 + 12
    before, after = (figures["temperature"][f"log_loss_{when}"] for when in ("before", "after"))
    assert after < before
    unscaled_figures = json.loads((frozen / "classifier.json").read_text())
    assert figures["out_of_fold"]["overall"]["auc"] == unscaled_figures["out_of_fold"]["overall"]["auc"]
    assert figures["out_of_fold"]["overall"]["brier_score"] != unscaled_figures["out_of_fold"]["overall"]["brier_score"]
    assert "temperature" not in raw.metadata.metrics


def test_without_cross_validation_the_temperature_is_fitted_on_validation_films(
    dataset_path: Path, validation: FilmSet, tmp_path: Path
):
    run(configuration(dataset_path, tmp_path, temperature=True))
    model = read_model(tmp_path / "classifier.onnx", "classifier")
    figures = json.loads((tmp_path / "classifier.json").read_text())
    assert (figures["temperature"]["fitted_on"], figures["temperature"]["films"]) == ("validation", 12)
    logits = GraphScorer(model.data).score(validation, "logit") * figures["temperature"]["temperature"]
    assert fit_temperature(validation.malignant, logits) == pytest.approx(
        figures["temperature"]["temperature"], rel=1e-3
    )


def test_a_source_that_alone_predicts_the_label_is_warned_of(tmp_path: Path):
    patients = {Split.TRAIN: 12, Split.VALIDATION: 8}
    path = write_dataset(
        tmp_path / "dataset", patients=patients, sources=lambda i: "ddsm" if i % 8 in (0, 2, 4, 7) else "cmmd"
    )
    with structlog.testing.capture_logs() as logs:
        run(configuration(path, tmp_path / "models"))
    warnings = [line for line in logs if line["log_level"] == "warning"]
    films = load_films(Dataset.open(path), splits=[Split.TRAIN, Split.VALIDATION])
    expected = roc_auc_score(films.malignant, films.sources == "cmmd")
    assert [line["auc"] for line in warnings] == [pytest.approx(expected)]
    figures = json.loads((tmp_path / "models" / "classifier.json").read_text())
    assert figures["source_alone"]["auc"] == pytest.approx(expected)
    assert figures["source_alone"]["warning"] == warnings[0]["event"]
    assert set(figures["validation"]["by_source"]) == {"ddsm", "cmmd"}
    assert "auc" in figures["validation"]["within_sources"]


def test_pictures_of_report_and_training_lie_beside_the_model(frozen: Path, fine_tuned: Path):
    assert {path.name for path in frozen.iterdir()} == {"classifier.onnx", "classifier.json", "classifier-report.png"}
    assert {path.name for path in fine_tuned.iterdir()} == {
        *(path.name for path in frozen.iterdir()),
        "classifier-curves.png",
    }
    figures = json.loads((fine_tuned / "classifier.json").read_text())
    assert len(figures["training"]["epochs"]) == 4


def test_equal_seeds_write_equal_files_and_others_do_not(fine_tuned: Path, dataset_path: Path, tmp_path: Path):
    options = {"freeze": False, "epochs": 4, "learning_rate": 1e-3, "threshold": "validation"}
    run(configuration(dataset_path, tmp_path / "again", **options))
    run(configuration(dataset_path, tmp_path / "other", **options, seed=4))
    first = (fine_tuned / "classifier.onnx").read_bytes()
    assert (tmp_path / "again" / "classifier.onnx").read_bytes() == first
    assert (tmp_path / "other" / "classifier.onnx").read_bytes() != first


def test_more_folds_than_patients_of_a_class_are_refused_before_anything_is_written(dataset_path: Path, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="folds: 14 asked for"):
        run(configuration(dataset_path, tmp_path, folds=14))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", ["training", "validation"])
def test_an_empty_class_is_refused_with_counts(part: str, tmp_path: Path):
    benign_from = {"training": 0, "validation": 4}[part]
    benign_to = {"training": 4, "validation": 8}[part]
    path = write_dataset(
        tmp_path / "dataset",
        patients={Split.TRAIN: 4, Split.VALIDATION: 4},
        labels=lambda i: Label.BENIGN if benign_from <= i < benign_to or i % 2 else Label.MALIGNANT,
    )
    with pytest.raises(DatasetError, match=f"the {part} films hold 8 benign and 0 malignant"):
        run(configuration(path, tmp_path / "models"))
    assert not (tmp_path / "models").exists()


def test_a_data_set_without_validation_films_is_refused(tmp_path: Path):
    path = write_dataset(tmp_path / "dataset", patients={Split.TRAIN: 4})
    with pytest.raises(DatasetError, match="found no validation films"):
        run(configuration(path, tmp_path / "models"))


def test_a_start_that_is_not_there_writes_nothing(dataset_path: Path, tmp_path: Path):
    with pytest.raises(WeightsNotFoundError, match="is no file"):
        run(configuration(dataset_path, tmp_path / "models", start=str(tmp_path / "gone.safetensors")))
    assert not (tmp_path / "models").exists()
