from pathlib import Path
from typing import Any

import pytest

from services.evaluator.report.real_scores import score_real_films
from shared.dataset import Dataset
from shared.errors import ModelError
from tests.services.evaluator.run_writer import write_dataset
from tests.tiny_models import write_anomaly, write_classifier


@pytest.fixture
def pinned(tmp_path: Path) -> dict[str, Any]:
    return {
        "anomaly": {"sha256": write_anomaly(tmp_path / "anomaly.onnx")},
        "classifier": {"sha256": write_classifier(tmp_path / "classifier.onnx")},
    }


def test_films_of_both_classes_are_scored_by_both_gates(
    dataset: Dataset, tmp_path: Path, pinned: dict[str, Any]
) -> None:
    scored = score_real_films(dataset, tmp_path, pinned, limit=100)
    assert (len(scored.benign), len(scored.malignant), scored.of) == (3, 2, 5)
    everything = (*scored.benign, *scored.malignant)
    assert len({score.anomaly for score in everything}) == 5
    assert all(0.0 < score.probability < 1.0 < score.anomaly + 1.0 for score in everything)


def test_a_limit_is_spread_and_the_test_split_left_out(tmp_path: Path, pinned: dict[str, Any]) -> None:
    other = write_dataset(tmp_path / "other", contents=6, styles=6, test_styles=3)
    scored = score_real_films(other, tmp_path, pinned, limit=3)
    assert (len(scored.benign), len(scored.malignant), scored.of) == (2, 1, 9)


def test_a_broken_film_is_left_out(tmp_path: Path, pinned: dict[str, Any]) -> None:
    other = write_dataset(tmp_path / "other")
    (other.path / "images" / f"{other.films[0].image_id}.png").write_bytes(b"")
    scored = score_real_films(other, tmp_path, pinned, limit=100)
    assert len(scored.benign) + len(scored.malignant) == 4


@pytest.mark.parametrize("change", ["missing", "another"])
def test_model_files_that_are_not_the_runs_are_refused(
    dataset: Dataset, tmp_path: Path, pinned: dict[str, Any], change: str
) -> None:
    if change == "missing":
        (tmp_path / "classifier.onnx").unlink()
    else:
        pinned["classifier"]["sha256"] = "00" * 32
    with pytest.raises(ModelError, match=r"classifier\.onnx"):
        score_real_films(dataset, tmp_path, pinned, limit=1)
