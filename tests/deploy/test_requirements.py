"""What an image installs."""

import json
import runpy
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from services import cli

ROOT = Path(__file__).resolve().parents[2]
PROGRAM: dict[str, Any] = runpy.run_path(str(ROOT / "deploy" / "requirements.py"))
requirements, torch_alone = PROGRAM["requirements"], PROGRAM["torch_alone"]


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
    assert "pyarrow" not in on_cpu | on_gpu, "170 MB that no scorer reads anything with"


def test_each_service_has_its_own_and_nothing_is_asked_for_that_is_built_from_source(folder: Path) -> None:
    assert "kubernetes" in names(requirements(folder, "orchestrator", "cpu"))
    assert "s3fs" in names(requirements(folder, "orchestrator", "cpu"))
    assert "torch" not in names(requirements(folder, "orchestrator", "cpu"))
    assert "torch" in names(requirements(folder, "stylizer", "cpu"))
    assert {"torch", "torchvision"} <= names(requirements(folder, "evaluator", "cpu"))
    for service in ("curator", "trainer", "stylizer", "anomaly", "classifier", "orchestrator", "evaluator"):
        found = names(requirements(folder, service, "cpu"))
        assert not any(name.startswith("mammosynth") for name in found)
        assert {"grpcio", "protobuf", "numpy"} <= found


def test_images_with_torch_share_its_layer_and_the_others_have_none(folder: Path) -> None:
    lists = {name: torch_alone(requirements(folder, name, "cpu")) for name in cli._SERVICES}
    assert lists["stylizer"] == lists["trainer"] == lists["evaluator"]
    assert names(lists["stylizer"]) == {"torch", "torchvision"}
    assert not any(lists[name] for name in ("curator", "anomaly", "classifier", "orchestrator"))


@pytest.mark.parametrize(
    ("service", "accelerator"), [("", "cpu"), ("dev", "cpu"), ("wizard", "cpu"), ("anomaly", "tpu")]
)
def test_what_is_no_service_is_refused_by_name(service: str, accelerator: str, folder: Path) -> None:
    with pytest.raises(SystemExit, match=r"SERVICE|ACCELERATOR"):
        requirements(folder, service, accelerator)


LOADED = """
import ast, json, sys
from importlib import import_module
from pathlib import Path
service = sys.argv[1]
for command in import_module(f"services.{service}.commands").COMMANDS:
    import_module(command.module)
found = {}
for name, module in list(sys.modules.items()):
    if name.split(".")[0] in ("services", "shared", "mammosynth") and getattr(module, "__file__", None):
        for node in ast.parse(Path(module.__file__).read_text()).body:
            names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for imported in names:
                found.setdefault(imported.split(".")[0], name)
print(json.dumps({key: value for key, value in found.items() if key not in sys.stdlib_module_names}))
"""


def installed(wanted: set[str]) -> set[str]:
    """Distributions that are installed with these, by their canonical names."""
    found: set[str] = set()
    waiting = [Requirement(item) for item in wanted]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name == "onnxruntime-gpu" or (name in found and not requirement.extras):
            continue
        found.add(name)
        for text in requires(name) or []:
            needed = Requirement(text)
            extras = [*requirement.extras, ""]
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return found


@pytest.mark.parametrize("service", cli._SERVICES)
def test_what_a_service_imports_is_in_its_image(service: str, folder: Path) -> None:
    """What the last step of the Dockerfile finds out, without an image."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, service], capture_output=True, text=True, check=True, cwd=ROOT, timeout=300
    )
    imported: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    there = installed(set(requirements(folder, service, "cpu")))
    distributions = packages_distributions()
    missing = {
        name: by
        for name, by in imported.items()
        if name not in ("services", "shared", "mammosynth", "google")
        and not {canonicalize_name(item) for item in distributions[name]} & there
    }
    assert missing == {}
