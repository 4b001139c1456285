"""What an image installs."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
requirements: Any = runpy.run_path(str(ROOT / "deploy" / "requirements.py"))["requirements"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "client.toml").write_bytes((ROOT / "protos" / "pyproject.toml").read_bytes())
    return tmp_path


def names(found: list[str]) -> set[str]:
    return {item.split(">")[0].split("=")[0] for item in found}


@pytest.mark.parametrize("service", ["anomaly", "classifier"])
def test_a_scorer_has_one_onnx_runtime_and_no_torch(service: str, folder: Path) -> None:
    on_cpu, on_gpu = (names(requirements(folder, service, kind)) for kind in ("cpu", "gpu"))
    assert "onnxruntime" in on_cpu
    assert "onnxruntime-gpu[cuda,cudnn]" in on_gpu
    assert "onnxruntime" not in on_gpu
    assert "torch" not in on_cpu | on_gpu


def test_each_service_has_its_own_and_nothing_is_asked_for_that_is_built_from_source(folder: Path) -> None:
    assert "kubernetes" in names(requirements(folder, "orchestrator", "cpu"))
    assert "s3fs" in names(requirements(folder, "orchestrator", "cpu"))
    assert "torch" not in names(requirements(folder, "orchestrator", "cpu"))
    assert "torch" in names(requirements(folder, "stylizer", "cpu"))
    for service in ("curator", "trainer", "stylizer", "anomaly", "classifier", "orchestrator", "evaluator"):
        found = names(requirements(folder, service, "cpu"))
        assert not any(name.startswith("mammosynth") for name in found)
        assert {"grpcio", "protobuf", "numpy"} <= found


@pytest.mark.parametrize(
    ("service", "accelerator"), [("", "cpu"), ("dev", "cpu"), ("wizard", "cpu"), ("anomaly", "tpu")]
)
def test_what_is_no_service_is_refused_by_name(service: str, accelerator: str, folder: Path) -> None:
    with pytest.raises(SystemExit, match=r"SERVICE|ACCELERATOR"):
        requirements(folder, service, accelerator)
