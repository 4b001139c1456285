"""Print what the image of a service installs: `python requirements.py SERVICE cpu|gpu [torch]`, beside pyproject.toml.

With "torch" only what belongs to PyTorch, which is a layer of its own.

Reads the application's pyproject.toml, and the client's as client.toml; leaves out what is built from source.
"""

import sys
import tomllib
from pathlib import Path

_SCORERS = ("anomaly", "classifier")
_SERVERS = ("stylizer", *_SCORERS, "orchestrator")
# These see films one by one and never a table, and what reads tables is a quarter of a scorer's image.
_NO_TABLES = ("stylizer", *_SCORERS)
# Runs, models and data sets may lie in object storage; the orchestrator's image is what reaches it. A Job that measures
# an uplift trains networks in the evaluator's image.
_BESIDE = {"orchestrator": ("s3",), "evaluator": ("uplift",)}


def requirements(folder: Path, service: str, accelerator: str) -> list[str]:
    """Requirements of the application, the client, the service's extra and those that go along with it.

    Raises:
        SystemExit: if there is no such service or accelerator.

    """
    application = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    client = tomllib.loads((folder / "client.toml").read_text(encoding="utf-8"))["project"]
    extras = application["optional-dependencies"]
    if service not in extras or service in ("all", "cpu", "dev", "gpu", "s3", "telemetry"):
        raise SystemExit(f"SERVICE: found {service!r}, needed a folder of services/")
    if accelerator not in ("cpu", "gpu"):
        raise SystemExit(f"ACCELERATOR: found {accelerator!r}, needed cpu or gpu")
    names = (
        service,
        *_BESIDE.get(service, ()),
        *((accelerator,) if service in _SCORERS else ()),
        *(("telemetry",) if service in _SERVERS else ()),
    )
    found = [*client["dependencies"], *application["dependencies"], *(item for name in names for item in extras[name])]
    left_out = ("mammosynth", *(("pyarrow",) if service in _NO_TABLES else ()))
    return sorted({item for item in found if not item.startswith(left_out)})


def torch_alone(found: list[str]) -> list[str]:
    """Those of PyTorch and its packages."""
    return [item for item in found if item.startswith("torch")]


if __name__ == "__main__":
    FOUND = requirements(Path(), *sys.argv[1:3])
    sys.stdout.writelines(f"{item}\n" for item in (torch_alone(FOUND) if "torch" in sys.argv[3:] else FOUND))
