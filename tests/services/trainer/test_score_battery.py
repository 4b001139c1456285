import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.trainer.configuration import ScoreBatteryConfiguration
from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet
from services.trainer.score_battery import run
from shared.dataset import Dataset
from shared.errors import ConfigurationError, DatasetError, ModelError
from shared.models import read_model
from tests import tiny_models
from tests.services.trainer.made_battery import write_battery
from tests.services.trainer.made_films import SIZE


@pytest.fixture
def given(dataset: Dataset, dataset_path: Path, validation: FilmSet, tmp_path: Path) -> dict[str, Any]:
    """Options for a model that was never trained, and says that it was, on the made data set."""
    battery = write_battery(tmp_path / "battery", validation, dataset_sha256=dataset.sha256)
    model = tmp_path / "anomaly.onnx"
    tiny_models.write_anomaly(model, training_set_sha256=dataset.sha256, input_size=SIZE)
    return {"battery": battery, "model": model, "dataset": dataset_path, "output": tmp_path / "figures.json"}


def test_a_model_that_is_there_is_measured_without_training(
    given: dict[str, Any], validation: FilmSet, capsys: pytest.CaptureFixture[str]
):
    run(ScoreBatteryConfiguration(**given, threshold="training_p95"))
    printed = capsys.readouterr().out
    assert "tiny-anomaly (unet) against real validation films" in printed
    assert "real generation films rejected:" in printed
    figures = json.loads(given["output"].read_text())
    model = read_model(given["model"], "anomaly")
    assert figures["model"] == {"name": "tiny-anomaly", "sha256": model.sha256, "detector": "unet"}
    assert figures["threshold"] == model.metadata.thresholds["training_p95"]
    scores = GraphScorer(model.data).score(validation, "score")
    for kind in ("noise", "blur", "unclamped_1e8"):
        assert kind in printed
        assert 0 <= figures["battery"]["kinds"][kind]["auc"] <= 1
    assert [found["films"] for found in figures["unseen"]] == [4, 4]
    assert np.isfinite(scores).all()


def test_a_model_of_another_data_set_is_refused(given: dict[str, Any]):
    tiny_models.write_anomaly(given["model"])
    with pytest.raises(ModelError, match=f"was trained on the data set with sha256 {'ab' * 32}, needed"):
        run(ScoreBatteryConfiguration(**given))
    assert not given["output"].exists()


def test_a_threshold_that_the_model_has_not_is_refused(given: dict[str, Any]):
    with pytest.raises(
        ConfigurationError, match="--threshold: found 'p99', needed one of training_p95, validation_p95"
    ):
        run(ScoreBatteryConfiguration(**given, threshold="p99"))


def test_a_folder_that_is_no_battery_is_refused(given: dict[str, Any], tmp_path: Path):
    with pytest.raises(DatasetError, match="mammosynth battery make"):
        run(ScoreBatteryConfiguration(**(given | {"battery": tmp_path / "nowhere"})))
