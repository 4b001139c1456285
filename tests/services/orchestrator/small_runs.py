"""Runs with real services, tiny gates, films of 48 pixels and a dozen steps, and what they are made of."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from services.orchestrator import replay
from services.orchestrator.configuration import GenerateConfiguration, ReplayConfiguration
from services.orchestrator.ledger import Ledger
from shared.dataset import Dataset, DatasetWriter, Film
from shared.images import Film as Pixels
from shared.images import Mask
from shared.store import Store

SIZE = 48
PAIRS = 6
ENDS = {
    "b0": ("rejected", "exhausted", ["still_benign", "still_benign"]),
    "b1": ("rejected", "exhausted", ["anomalous", "anomalous"]),
    "b2": ("accepted", None, ["still_benign", None]),
    "b3": ("rejected", "content_not_benign", []),
}
"""How pairs of each content end: the tiny gates tell dark films from light ones, and the styles are dark."""
POLICY = {
    "name": "quick",
    "pairing": {"content": "shuffled", "style_use_limit": 5},
    "gates": {"anomaly": 1.2, "classifier": 0.0015, "benign_below": 0.0015, "minimum_change": 0.0001},
    "recipes": [{"steps": 4}, {"steps": 12}],
}


def pixels(seed: int, *, malignant: bool) -> tuple[Pixels, Mask]:
    """A half ellipse, smooth and light if benign, rough and dark if malignant."""
    random = np.random.default_rng(seed)
    rows, columns = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE
    mask = (columns / (0.6 + 0.2 * random.random())) ** 2 + ((rows - 0.5) / 0.45) ** 2 < 1
    grey = 0.3 + 0.3 * random.random() + 0.15 * np.sin(6 * random.random() + 8 * rows + 5 * columns)
    if malignant:
        grey = 0.3 * (grey + 0.12 * random.normal(size=(SIZE, SIZE)))
    return np.where(mask, grey.clip(0.05 if not malignant else 0.015, 0.95), 0).astype(np.float32), mask


def write_dataset(path: Path, entries: list[Film]) -> Dataset:
    writer = DatasetWriter(path, size=SIZE, options={}, seed=0)
    written = []
    for entry in entries:
        malignant = entry.image_id.startswith("m")
        film, mask = pixels(int(entry.image_id[1:]) + 10 * malignant, malignant=malignant)
        written.append(replace(entry, sha256=writer.write_film(entry.image_id, film, mask)))
    writer.finish(written)
    return Dataset.open(path)


class Workshop(NamedTuple):
    """What runs are made of, and the services that make them."""

    folder: Path
    dataset: Dataset
    services: dict[str, str]
    """Addresses."""

    def configuration(self, output: Path, **changes: Any) -> GenerateConfiguration:
        values: dict[str, Any] = {
            "dataset": self.dataset.path,
            "output": str(output),
            "pairs": PAIRS,
            "keep_rejected": 1.0,
            "policy": str(self.folder / "quick.yaml"),
            **self.services,
        }
        return GenerateConfiguration(**(values | changes))

    def replay(self, output: Path, pair: int, **changes: Any) -> int:
        return replay.run(ReplayConfiguration(run=str(output), pair=pair, **(self.services | changes)))


class Run(NamedTuple):
    output: Path
    done: "subprocess.CompletedProcess[str]"


def bytes_of(output: Path, *folders: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.glob("**/*"))
        if path.is_file() and path.relative_to(output).parts[0] in (folders or ("pairs", "accepted", "rejected"))
    }


def manifest(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    return found


def ledger(output: Path) -> Ledger:
    return Ledger(Store(str(output)))


def accepted(output: Path) -> list[int]:
    return [int(path.stem) for path in sorted((output / "accepted").iterdir())]
