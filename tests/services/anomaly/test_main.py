from pathlib import Path

import pytest

from services.anomaly.__main__ import run
from services.anomaly.configuration import AnomalyConfiguration
from shared.errors import ModelError
from tests.tiny_models import write_texture_gates


def test_a_check_ends_once_the_model_can_be_served(tmp_path: Path) -> None:
    write_texture_gates(tmp_path, size=48, midpoint=0.1, gain=100.0)
    assert run(AnomalyConfiguration(listen="127.0.0.1:0", model=tmp_path / "anomaly.onnx", check_only=True)) == 0


def test_a_check_says_what_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx"):
        run(AnomalyConfiguration(listen="127.0.0.1:0", model=tmp_path / "none.onnx", check_only=True))
