"""The client as outsiders install it: a wheel, in an environment of its own."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
import numpy as np
from mammosynth.client import AnomalyDetector, Classifier, Generator, ServiceError, Stylizer

with Classifier("127.0.0.1:1") as classifier:
    try:
        classifier.classify(np.zeros((64, 64), dtype=np.float32), timeout=0.2)
    except ServiceError as error:
        print(error.code)
try:
    import mammosynth.torch
except ImportError as error:
    print(error)
print(sorted({"torch", "shared", "services", "onnxruntime", "PIL"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_the_client_installs_and_runs_without_the_application(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        ROOT / "protos",
    ]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("mammosynth_client-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for proto in (ROOT / "protos" / "mammosynth" / "v1").glob("*.proto"):
        assert f"mammosynth/v1/{proto.stem}_pb2.py" in names, "the wheel lacks stubs: run `make protos` first"
        assert f"mammosynth/v1/{proto.stem}_pb2_grpc.py" in names
    assert "mammosynth/py.typed" in names

    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--constraint", constraints, str(wheel)],
        check=True,
    )
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    printed = subprocess.run(
        [python, "-c", PROGRAM], check=True, capture_output=True, text=True, cwd=tmp_path, env=variables
    ).stdout
    without_extra = "mammosynth.torch needs pyarrow: pip install 'mammosynth-client[torch]'"
    assert printed.splitlines() == ["deadline_exceeded", without_extra, "[]"]
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    )
    installed = {line.split("==")[0].lower() for line in listed.stdout.splitlines()}
    assert installed - {"pip", "setuptools"} == {
        "mammosynth-client",
        "grpcio",
        "protobuf",
        "numpy",
        "typing_extensions",
    }
