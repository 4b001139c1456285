from pathlib import Path

import pytest

from services.trainer.configuration import (
    LAPTOP_ANOMALY,
    Preset,
    Region,
    TrainAnomalyConfiguration,
    TrainClassifierConfiguration,
)
from shared.errors import ConfigurationError

GIVEN = {"dataset": "data"}


def test_anomaly_defaults_are_the_papers():
    configuration = TrainAnomalyConfiguration.resolve(GIVEN)
    assert configuration.widths == (64, 128, 256, 512, 512)
    assert (configuration.epochs, configuration.momentum) == (200, 0.9)
    assert (configuration.learning_rate, configuration.final_learning_rate) == (0.1, 0.0001)


def test_classifier_defaults_are_the_papers():
    configuration = TrainClassifierConfiguration.resolve(GIVEN)
    assert (configuration.backbone, configuration.start) == ("resnet50", "imagenet")
    assert (configuration.epochs, configuration.batch_size) == (75, 32)
    assert (configuration.learning_rate, configuration.weight_decay) == (1e-4, 0.01)
    assert (configuration.beta1, configuration.beta2, configuration.epsilon) == (0.9, 0.99, 1e-8)
    assert configuration.cutoff == 0.7


@pytest.mark.parametrize("kind", [TrainAnomalyConfiguration, TrainClassifierConfiguration])
def test_by_default_the_last_epoch_of_all_is_kept_as_in_the_paper(kind: type):
    configuration = kind.resolve(GIVEN)
    assert (configuration.keep, configuration.patience, configuration.mixed_precision) == ("last", None, False)
    assert configuration.augment is False
    assert getattr(configuration, "balance", "none") == "none"


def test_laptop_preset_fills_what_is_not_given():
    configuration = TrainAnomalyConfiguration.resolve({**GIVEN, "preset": "laptop", "epochs": "3"})
    assert configuration.preset is Preset.LAPTOP
    assert configuration.widths == LAPTOP_ANOMALY["widths"]
    assert configuration.epochs == 3
    assert configuration.keep == "validation_loss"


def test_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MAMMOSYNTH_TRAIN_ANOMALY_WIDTHS", "8,16")
    monkeypatch.setenv("MAMMOSYNTH_TRAIN_ANOMALY_REGION", "film")
    configuration = TrainAnomalyConfiguration.resolve(GIVEN)
    assert configuration.widths == (8, 16)
    assert configuration.region is Region.FILM


def test_resolved_options_come_back_from_their_file(tmp_path: Path):
    configuration = TrainAnomalyConfiguration.resolve({**GIVEN, "preset": "laptop", "seed": "4"})
    (tmp_path / "anomaly.yaml").write_text(configuration.as_yaml())
    assert TrainAnomalyConfiguration.resolve({}, tmp_path / "anomaly.yaml") == configuration


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs", "0"),
        ("widths", "8"),
        ("widths", "8,0"),
        ("learning_rate", "-1"),
        ("momentum", "1"),
        ("size", "8"),
        ("region", "lesion"),
        ("threshold", "p99"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_option_and_variable(option: str, value: str):
    with pytest.raises(
        ConfigurationError, match=rf"--{option.replace('_', '-')} \(MAMMOSYNTH_TRAIN_ANOMALY_{option.upper()}\)"
    ):
        TrainAnomalyConfiguration.resolve({**GIVEN, option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [("preset", "laptop"), ("widths", "8,16"), ("epochs", "3"), ("keep", "validation_loss"), ("region", "film")],
)
def test_the_texture_detector_refuses_what_cannot_apply_to_it(option: str, value: str):
    with pytest.raises(ConfigurationError, match=f"--{option}: .*cannot apply with --detector texture"):
        TrainAnomalyConfiguration.resolve({**GIVEN, "detector": "texture", option: value})


def test_options_of_the_model_are_those_that_apply():
    unet, texture = (TrainAnomalyConfiguration.resolve({**GIVEN, "detector": name}) for name in ("unet", "texture"))
    assert unet.model_options()["widths"] == [64, 128, 256, 512, 512]
    assert unet.model_options()["detector"] == "unet"
    assert set(texture.model_options()) == {"detector", "region", "seed", "size", "threshold"}


@pytest.mark.parametrize("folds", ["1", "-2"])
def test_a_cross_validation_of_one_part_is_refused(folds: str):
    with pytest.raises(ConfigurationError, match="--folds"):
        TrainClassifierConfiguration.resolve({**GIVEN, "folds": folds})


def test_stages_are_read_from_a_list():
    given = {**GIVEN, "freeze": True, "feature_layer": "layer3,layer1"}
    assert TrainClassifierConfiguration.resolve(given).feature_layer == ("layer3", "layer1")


@pytest.mark.parametrize(("option", "value"), [("feature_layer", "layer5"), ("part", "1"), ("part", "1/0")], ids=str)
def test_a_classifiers_value_that_cannot_be_used_names_its_option(option: str, value: str):
    with pytest.raises(ConfigurationError, match=f"--{option.replace('_', '-')}"):
        TrainClassifierConfiguration.resolve({**GIVEN, "freeze": True, option: value})


def test_stages_of_a_full_training_are_refused():
    with pytest.raises(ConfigurationError, match=r"^--feature-layer: needs --freeze"):
        TrainClassifierConfiguration.resolve({**GIVEN, "feature_layer": "layer2"})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs", "3"),
        ("batch_size", "4"),
        ("learning_rate", "0.1"),
        ("weight_decay", "0"),
        ("beta1", "0.5"),
        ("beta2", "0.5"),
        ("epsilon", "1"),
        ("keep", "validation_auc"),
        ("patience", "3"),
        ("augment", "true"),
        ("mixed_precision", "true"),
        ("balance", "sampling"),
    ],
)
def test_what_cannot_apply_to_a_frozen_training_is_refused_by_name(option: str, value: str):
    assert TrainClassifierConfiguration.resolve({**GIVEN, option: value})
    with pytest.raises(ConfigurationError, match=f"--{option.replace('_', '-')}: .*cannot apply with --freeze"):
        TrainClassifierConfiguration.resolve({**GIVEN, "freeze": True, option: value})


def test_a_frozen_training_takes_its_resolved_options_back(tmp_path: Path):
    configuration = TrainClassifierConfiguration.resolve({**GIVEN, "freeze": True, "balance": "weights"})
    (tmp_path / "classifier.yaml").write_text(configuration.as_yaml())
    assert TrainClassifierConfiguration.resolve({}, tmp_path / "classifier.yaml") == configuration
